using KvmAgent.Lifecycle;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Lifecycle;

/// <summary>Control groups as a container sees them: its own group is the root of what is mounted.</summary>
public sealed class MemoryKillsTests : IDisposable
{
    private const string Version1 = "memory/memory.oom_control", Version2 = "memory.events";

    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData(Version1, "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")]
    [InlineData(Version2, "low 0\nhigh 7\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n", "low 0\nhigh 7\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n")]
    public void A_kill_is_one_since_the_start(string file, string before, string after)
    {
        _root.Write(file, before);
        var kills = new MemoryKills(_root.FullPath);
        kills.Happened().ShouldBeFalse();

        _root.Write(file, after);
        kills.Happened().ShouldBeTrue();
    }

    [Fact]
    public void The_groups_own_counter_goes_before_that_of_the_mounts_root()
    {
        var own = File.ReadLines("/proc/self/cgroup").Select(l => l.Split(':', 3)).First(l => l[1].Length == 0 || l[1].Split(',').Contains("memory"));
        var file = own[1].Length == 0 ? $"{own[2]}/{Version2}" : $"memory{own[2]}/memory.oom_control";
        file = file.TrimStart('/');
        _root.Write(Version2, "oom_kill 0\n");
        _root.Write(file, "oom_kill 0\n");
        var kills = new MemoryKills(_root.FullPath);

        _root.Write(file, "oom_kill 1\n");
        kills.Happened().ShouldBeTrue();
    }

    [Fact]
    public void Without_a_counter_memory_is_the_only_known_killer() => new MemoryKills(_root.FullPath).Happened().ShouldBeTrue();
}
