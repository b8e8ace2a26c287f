using System.Globalization;

namespace KvmAgent.Processes;

/// <summary>What /proc/PID/stat says (proc(5)); <paramref name="StartTicks"/> tells a process from a later one with the same pid.</summary>
internal readonly record struct ProcessStat(char State, int Parent, ulong StartTicks)
{
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
            ulong.Parse(fields[19], CultureInfo.InvariantCulture));
    }
}
