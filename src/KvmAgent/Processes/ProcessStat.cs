using System.Globalization;

namespace KvmAgent.Processes;

/// <summary>What /proc/PID/stat says (proc(5)); <paramref name="StartTicks"/> tells a process from a later one with the same pid.</summary>
/// <param name="CpuTicks">Of all its threads, in user and system mode.</param>
internal readonly record struct ProcessStat(char State, int Parent, ulong StartTicks, ulong CpuTicks, long ResidentPages)
{
    /// <summary>USER_HZ: what the kernel tells programs, whatever its own ticks are.</summary>
    public const int TicksPerSecond = 100;

    /// <returns>Null where there is no such process.</returns>
    public static ProcessStat? Read(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (IOException)
        {
            return null;
        }

        // The name in parentheses may hold anything, parentheses too: fields start behind the last one.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return new ProcessStat(
            fields[0][0],
            int.Parse(fields[1], CultureInfo.InvariantCulture),
            ulong.Parse(fields[19], CultureInfo.InvariantCulture),
            ulong.Parse(fields[11], CultureInfo.InvariantCulture) + ulong.Parse(fields[12], CultureInfo.InvariantCulture),
            long.Parse(fields[21], CultureInfo.InvariantCulture));
    }
}
