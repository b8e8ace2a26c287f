using System.Text.Json;

namespace KvmAgent.HostTests.Support;

/// <summary>The agent's network running in a pod, in a process of its own (<see cref="InsidePod"/>).</summary>
internal sealed class NetworkRunner : IAsyncDisposable
{
    private NetworkRunner(Background process) => Process = process;

    public Background Process { get; }

    /// <summary>Starts it; it may be about to fail.</summary>
    /// <param name="pod">The pod to run in.</param>
    /// <param name="options">What to ask for.</param>
    /// <param name="prefix">A command that runs the rest of its arguments, such as setpriv.</param>
    public static NetworkRunner Launch(PodNamespace pod, NetworkOptions? options = null, params string[] prefix)
    {
        var json = JsonSerializer.Serialize(options ?? new NetworkOptions { RunDir = pod.Directory });
        return new NetworkRunner(pod.Pod.Start([.. prefix, Environment.ProcessPath!, typeof(InsidePod).Assembly.Location, json]));
    }

    /// <summary>Starts it and waits until the guest may run.</summary>
    public static async Task<NetworkRunner> StartAsync(PodNamespace pod, NetworkOptions? options = null, params string[] prefix)
    {
        var runner = Launch(pod, options, prefix);
        try
        {
            await runner.Process.WaitForLineAsync("ready");
            return runner;
        }
        catch
        {
            await runner.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has it undo its work.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        Process.Input.Close();
        return await Process.ExitAsync();
    }

    public async ValueTask DisposeAsync() => await Process.DisposeAsync();
}
