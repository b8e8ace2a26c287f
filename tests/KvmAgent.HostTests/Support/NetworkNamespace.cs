using System.Globalization;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Support;

/// <summary>A network namespace of the test's own, with a name that nobody else has; it ends with all that runs in it.</summary>
internal sealed class NetworkNamespace : IAsyncDisposable
{
    private static int _count;

    private NetworkNamespace(string name) => Name = name;

    public string Name { get; }

    private string Etc => $"/etc/netns/{Name}";

    public static async Task<NetworkNamespace> CreateAsync(string role)
    {
        var number = Interlocked.Increment(ref _count);
        var created = new NetworkNamespace(string.Create(CultureInfo.InvariantCulture, $"kvmtest-{Environment.ProcessId}-{number}-{role}"));
        await ProcessRunner.RunAsync("ip", ["netns", "add", created.Name]);
        await created.IpAsync("link set dev lo up");
        return created;
    }

    /// <summary>Runs <c>ip</c> on this namespace; the command is split at blanks.</summary>
    public Task<string> IpAsync(string command) => ProcessRunner.RunAsync("ip", ["-n", Name, .. command.Split(' ')]);

    /// <summary>Runs a command inside; it must succeed.</summary>
    public Task<string> RunAsync(params string[] command) => ProcessRunner.RunAsync("ip", [.. Inside, .. command]);

    /// <summary>Runs a command inside that may fail.</summary>
    public Task<ProcessResult> TryRunAsync(string[] command, string? input = null, TimeSpan? limit = null) =>
        ProcessRunner.TryRunAsync("ip", [.. Inside, .. command], input, limit);

    /// <summary>Starts a command inside that stays.</summary>
    public Background Start(params string[] command) => Background.Start("ip", [.. Inside, .. command]);

    public async Task SysctlAsync(string name, string value) => await RunAsync("sysctl", "-qw", $"{name}={value}");

    public async Task<string> SysctlAsync(string name) => (await RunAsync("sysctl", "-n", name)).Trim();

    /// <summary>What processes inside see as /etc/resolv.conf (ip-netns(8)).</summary>
    public void SetResolvConf(string text)
    {
        Directory.CreateDirectory(Etc);
        File.WriteAllText($"{Etc}/resolv.conf", text);
    }

    public async ValueTask DisposeAsync()
    {
        var pids = await ProcessRunner.TryRunAsync("ip", ["netns", "pids", Name]);
        foreach (var pid in pids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Children.Signal(int.Parse(pid, CultureInfo.InvariantCulture), Native.SigKill);
        }

        await ProcessRunner.TryRunAsync("ip", ["netns", "delete", Name]);
        if (Directory.Exists(Etc))
        {
            Directory.Delete(Etc, recursive: true);
        }
    }

    private string[] Inside => ["netns", "exec", Name];
}
