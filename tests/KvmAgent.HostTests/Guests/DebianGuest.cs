using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>The Debian of images/debian-guest under the real agent, and the way into it: SSH from the pod's node.</summary>
internal sealed class DebianGuest : IAsyncDisposable
{
    /// <summary>A distribution's boot under software emulation, beside other tests: alone it takes one to two minutes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private static readonly GuestImage Image = new("debian-guest");

    private readonly AgentProcess _agent;
    private readonly string _key;

    private DebianGuest(AgentProcess agent, string key) => (_agent, _key) = (agent, key);

    /// <summary>For the message of a failing test.</summary>
    public string Said => string.Join('\n', _agent.Lines);

    /// <param name="pod">Where.</param>
    /// <param name="key">The private key to come in with.</param>
    /// <param name="environment">The agent's.</param>
    public static async Task<DebianGuest> StartAsync(PodNamespace pod, string key, IReadOnlyDictionary<string, string> environment)
    {
        var image = await Image.PathAsync();
        return new DebianGuest(
            AgentProcess.Start(pod, new Dictionary<string, string>(environment) { ["IMG_SOURCE"] = image, ["VM_MEMORY"] = "512Mi", ["GRACE_PERIOD"] = "150s" }), key);
    }

    /// <summary>Waits until cloud-init is through, without a complaint; the key lets in by then.</summary>
    public async Task ReadyAsync()
    {
        await _agent.WaitForLineAsync(" finished at ", patience: Patience); // cloud-init's last word on the console
        (await SshAsync("cloud-init status --wait --long")).ShouldContain("status: done", customMessage: Said);
    }

    /// <summary>Runs a shell command as the image's usual user; it must succeed.</summary>
    public async Task<string> SshAsync(string command)
    {
        var result = await TrySshAsync(command);
        result.ExitCode.ShouldBe(0, $"{command}: {result.Output}{result.Error}the agent said:\n{Said}");
        return result.Output.Trim();
    }

    /// <summary>Presses the power button, by way of the agent.</summary>
    /// <returns>The agent's exit code.</returns>
    public Task<int> StopAsync()
    {
        _agent.Terminate();
        return _agent.ExitAsync();
    }

    public ValueTask DisposeAsync() => _agent.DisposeAsync();

    // Nothing from the files and the agent of whoever runs the test. The host's key is the test's to compare.
    private Task<ProcessResult> TrySshAsync(string command) => _agent.Pod.Node.TryRunAsync(
        [
            "ssh", "-F", "none", "-i", _key, "-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10", $"debian@{PodNamespace.Address}", command,
        ],
        limit: Patience);
}
