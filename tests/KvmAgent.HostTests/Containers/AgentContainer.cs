using System.Globalization;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Containers;

/// <summary>
/// The agent's image run in a pod's namespace as the kubelet would run it: no capability but those documented, seccomp's default, no
/// new privileges, the base image and the VM's disk on volumes, the pod's resolv.conf.
/// </summary>
internal sealed class AgentContainer : IAsyncDisposable
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(2);

    // runc: crun needs a newer kernel's mounts than many build machines have. The limits: podman's own are above what those may set.
    private static readonly string[] AsAPod =
    [
        "--runtime", "runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
        "--cap-drop", "ALL", "--cap-add", "NET_ADMIN,NET_RAW,NET_BIND_SERVICE,SETUID,SETGID,CHOWN,MKNOD", "--security-opt", "no-new-privileges",
    ];

    private AgentContainer(PodNamespace pod) => Pod = pod;

    public PodNamespace Pod { get; }

    private string Name => Pod.Pod.Name;

    /// <summary>Starts a container that the caller waits for.</summary>
    public static async Task<AgentContainer> StartAsync(PodNamespace pod)
    {
        var image = await AgentImage.NameAsync();
        var guest = await TestGuest.ImageAsync();
        var container = new AgentContainer(pod);
        foreach (var volume in new[] { "image", "vm" })
        {
            Directory.CreateDirectory(Path.Combine(pod.Directory, volume));
        }

        File.Copy(guest, Path.Combine(pod.Directory, "image", "test-guest.qcow2"));
        var resolvConf = Path.Combine(pod.Directory, "resolv.conf");
        await File.WriteAllTextAsync(resolvConf, "nameserver 10.96.0.10\nsearch default.svc.cluster.local\n");
        await PodmanAsync(
            [
                "run", "--detach", "--name", container.Name, .. AsAPod, "--network", $"ns:/run/netns/{pod.Pod.Name}",
                "--volume", $"{pod.Directory}/image:/image", "--volume", $"{pod.Directory}/vm:/vm", "--volume", $"{resolvConf}:/etc/resolv.conf:ro",
                "--env", "IMG_TARGET=test-guest.qcow2", "--env", "VM_NAME=web", "--env", "VM_ACCEL=tcg", "--env", "VM_MEMORY=256Mi",
                image,
            ]);
        return container;
    }

    public static async Task<ProcessResult> TryPodmanAsync(params string[] arguments) =>
        await ProcessRunner.TryRunAsync("podman", arguments, limit: CommandLimit);

    public static async Task<string> PodmanAsync(params string[] arguments) =>
        await ProcessRunner.RunAsync("podman", arguments, limit: CommandLimit);

    /// <summary>Waits until the readiness probe, as the chart has it, finds the guest ready.</summary>
    public async Task ReadyAsync()
    {
        await Until.TrueAsync(
            async () =>
            {
                if (await StateAsync("{{.State.Status}}") != "running")
                {
                    throw new InvalidOperationException($"the container ended; it said:\n{await LogAsync()}");
                }

                return (await TryExecAsync("test", "/run/kvm-agent/ready", "-nt", "/proc/self")).ExitCode == 0;
            },
            AgentProcess.Patience);
        await Until.TrueAsync(
            async () => (await Pod.Node.TryRunAsync(["curl", "-sf", "--max-time", "2", $"http://{PodNamespace.Address}/"])).ExitCode == 0,
            AgentProcess.Patience);
    }

    public Task<ProcessResult> TryExecAsync(params string[] command) => TryPodmanAsync(["exec", Name, .. command]);

    public Task<string> ExecAsync(params string[] command) => PodmanAsync(["exec", Name, .. command]);

    public async Task<VmStatus> StatusAsync() =>
        JsonSerializer.Deserialize(await ExecAsync("kvm-agent", "status", "--json"), ContractsJson.Default.VmStatus)!;

    /// <summary>/proc/PID/status as the container sees it.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ProcessStatusAsync(int pid) =>
        (await ExecAsync("cat", string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());

    /// <summary>What the agent said so far.</summary>
    public async Task<string> LogAsync()
    {
        var log = await TryPodmanAsync("logs", Name);
        return log.Output + log.Error;
    }

    /// <summary>Ends it as the kubelet does: SIGTERM, and SIGKILL after 40 seconds.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        await PodmanAsync("stop", "--time", "40", Name);
        return int.Parse(await StateAsync("{{.State.ExitCode}}"), CultureInfo.InvariantCulture);
    }

    /// <summary>Kills it, and starts it again on what it left, its own files included.</summary>
    public async Task RestartHardAsync()
    {
        await PodmanAsync("kill", "--signal", "KILL", Name);
        await PodmanAsync("wait", Name);
        await PodmanAsync("start", Name);
    }

    public async Task RemoveAsync() => await PodmanAsync("rm", Name);

    public async ValueTask DisposeAsync() => await TryPodmanAsync("rm", "--force", "--ignore", "--time", "0", Name);

    private async Task<string> StateAsync(string format) => (await PodmanAsync("inspect", "--format", format, Name)).Trim();
}
