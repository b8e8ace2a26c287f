using System.Globalization;

namespace KvmAgent.Lifecycle;

/// <summary>
/// Whether the kernel killed something of this container for memory: the counter oom_kill of its control group, version 2
/// (memory.events) or 1 (memory.oom_control). Inside a container its own group is what is mounted.
/// </summary>
internal sealed class MemoryKills
{
    private readonly string? _file;
    private readonly long _before;

    /// <param name="cgroupRoot"><c>/sys/fs/cgroup</c>.</param>
    public MemoryKills(string cgroupRoot)
    {
        _file = Candidates(cgroupRoot).FirstOrDefault(File.Exists);
        _before = Count();
    }

    /// <returns>True also where there is no counter to ask: then memory is what kills a process that nobody else may signal.</returns>
    public bool Happened() => _file is null || Count() > _before;

    private long Count()
    {
        if (_file is null)
        {
            return 0;
        }

        var line = File.ReadLines(_file).FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan("oom_kill ".Length), CultureInfo.InvariantCulture);
    }

    /// <summary>This process's group by /proc/self/cgroup, and the root of the mount, which in a container is that group.</summary>
    private static IEnumerable<string> Candidates(string root)
    {
        foreach (var line in File.ReadLines("/proc/self/cgroup"))
        {
            if (line.Split(':', 3) is [_, var controllers, var path])
            {
                if (controllers.Length == 0)
                {
                    yield return $"{root}{path}/memory.events";
                }
                else if (controllers.Split(',').Contains("memory"))
                {
                    yield return $"{root}/memory{path}/memory.oom_control";
                }
            }
        }

        yield return $"{root}/memory.events";
        yield return $"{root}/memory/memory.oom_control";
    }
}
