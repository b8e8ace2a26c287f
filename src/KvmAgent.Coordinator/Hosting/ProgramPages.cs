using System.Globalization;
using System.Runtime.InteropServices;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// The program's own files in memory. A start and a rush of agents go through 70 MiB of code and tables, of which an idle coordinator uses
/// half again; nothing else takes the rest away before the machine is short of memory, and a pod's limit counts it. What is needed again
/// comes from the file.
/// </summary>
internal static partial class ProgramPages
{
    /// <summary>madvise(2), Linux 5.4: reclaim at once. Of files only what is unchanged and no other process maps.</summary>
    private const int PageOut = 21;

    public static void GiveBack()
    {
        string[] mappings;
        try
        {
            mappings = File.ReadAllLines("/proc/self/maps");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;
        }

        foreach (var (start, length) in mappings.Select(Parse).OfType<(nint, nint)>())
        {
            // Where the kernel knows no such advice, everything stays as it is.
            _ = Advise(start, length, PageOut);
        }
    }

    /// <param name="mapping">A line of /proc/PID/maps: <c>start-end rights offset device inode path</c>, the addresses in hexadecimal.</param>
    /// <returns>Null where it is no file's, or is written to for others to read. What is private is written to in few places, and those stay.</returns>
    internal static (nint Start, nint Length)? Parse(string mapping)
    {
        var parts = mapping.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        return parts is [var range, ['r', '-', ..] or ['r', 'w', _, 'p'], _, _, not "0", ['/', ..]]
            && range.Split('-') is [var from, var to]
            && long.TryParse(from, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var start)
            && long.TryParse(to, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end)
            && !parts[5].EndsWith(" (deleted)", StringComparison.Ordinal)
            ? ((nint)start, (nint)(end - start))
            : null;
    }

    [DllImport("libc", EntryPoint = "madvise", ExactSpelling = true, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Advise(nint start, nint length, int advice);
}
