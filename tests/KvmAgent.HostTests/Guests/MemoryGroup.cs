using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>
/// A control group with a memory limit, as a pod has one: version 2, or the memory controller of version 1. <c>ip netns exec</c> mounts a
/// /sys without control groups, hence a root of its own for the agent, in which all is the system's.
/// </summary>
internal sealed class MemoryGroup : IAsyncDisposable
{
    private const string Mount = "/sys/fs/cgroup";

    private static readonly bool IsVersion2 = File.Exists($"{Mount}/cgroup.controllers");

    private readonly string _group;
    private readonly string _root;

    private MemoryGroup(string group, string root) => (_group, _root) = (group, root);

    public static async Task<MemoryGroup> CreateAsync(PodNamespace pod, long bytes)
    {
        var root = Path.Combine(pod.Directory, "root");
        Directory.CreateDirectory($"{root}{Mount}");
        foreach (var name in new[] { "dev", "etc", "proc", "usr" })
        {
            File.CreateSymbolicLink(Path.Combine(root, name), $"/{name}");
        }

        await ProcessRunner.RunAsync("mount", ["--rbind", Mount, $"{root}{Mount}"]);
        var group = new MemoryGroup($"{(IsVersion2 ? Mount : $"{Mount}/memory")}/{pod.Pod.Name}", root);
        if (IsVersion2)
        {
            await File.WriteAllTextAsync($"{Mount}/cgroup.subtree_control", "+memory");
        }

        Directory.CreateDirectory(group._group);
        await File.WriteAllTextAsync(Path.Combine(group._group, IsVersion2 ? "memory.max" : "memory.limit_in_bytes"), $"{bytes}");
        return group;
    }

    /// <summary>The agent with the test guest, within the group.</summary>
    public async Task<AgentProcess> StartAsync(PodNamespace pod) => AgentProcess.Start(
        pod,
        new Dictionary<string, string> { ["IMG_SOURCE"] = await TestGuest.ImageAsync(), ["HOST_ROOT"] = _root },
        Capabilities.After($"echo $$ >{_root}{_group}/cgroup.procs"));

    public async ValueTask DisposeAsync()
    {
        await ProcessRunner.RunAsync("umount", ["--recursive", $"{_root}{Mount}"]);
        Directory.Delete(_group);
    }
}
