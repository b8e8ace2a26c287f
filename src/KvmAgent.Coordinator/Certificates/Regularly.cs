using System.Security.Cryptography;
using System.Text.Json;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Certificates;

/// <summary>Looks every minute after what no watch tells of. A look that fails in passing is told, and made again.</summary>
internal static class Regularly
{
    public static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <param name="failed">Told why a look failed: the API server does not answer or refuses, or what it has makes no sense. Once for the same reason.</param>
    /// <param name="first">How long before the first look.</param>
    /// <param name="again">How long after one that failed.</param>
    public static async Task LookAsync(
        Func<CancellationToken, Task> look, Action<string> failed, TimeSpan first, TimeSpan again, TimeProvider time, CancellationToken stop)
    {
        var pause = first;
        string? told = null;
        while (true)
        {
            await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await look(stop).ConfigureAwait(false);
                (pause, told) = (Minute, null);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or CoordinatorException or CryptographicException or JsonException)
            {
                if (e.Message != told)
                {
                    failed(e.Message);
                }

                (pause, told) = (again, e.Message);
            }
        }
    }
}
