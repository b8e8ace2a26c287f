using System.Net;
using System.Net.Sockets;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Kubernetes.Tests.Client;

/// <summary>A server, or what stands before it, that takes connections and resets them.</summary>
public sealed class ResetTests
{
    [Fact]
    public async Task Wherever_a_connection_is_reset_it_is_the_one_exception_for_no_answer()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var resetting = ResetAsync(listener, stop.Token);
        using var client = new KubernetesClient(KubernetesConnection.To(new Uri($"http://{listener.LocalEndpoint}"), "token"), TimeProvider.System);

        // How far a request comes before the reset is a matter of chance; with many at once it comes every way.
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 3000),
            new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (_, _) => await Should.ThrowAsync<HttpRequestException>(() => client.FindAsync(CoreKinds.Pods, "default", "none", CancellationToken.None)));

        await stop.CancelAsync();
        await resetting;
    }

    private static async Task ResetAsync(TcpListener listener, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(stop);
                socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // All is proved.
        }
    }
}
