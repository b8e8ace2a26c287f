using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KvmAgent.Images.Conversion;

/// <summary>
/// Runs qemu-img: an argument list, nothing of our environment, limits of memory, time and file size, for it reads what others have made.
/// What it says on stderr becomes the error. Cancelling kills it and waits until it is gone.
/// </summary>
internal static class QemuImg
{
    private const int LongestError = 4096;
    private const long StackSize = 2 << 20;

    /// <param name="work">What is converted into what; the files stay the caller's.</param>
    /// <param name="percent">From 0 to 100.</param>
    /// <param name="ct">Kills it.</param>
    /// <exception cref="ImageException">It is missing, failed, or met a limit.</exception>
    public static async Task RunAsync(QemuImgConversion work, IProgress<double>? percent, CancellationToken ct)
    {
        var (code, error) = await RunAsync(work.Limits, work.Arguments, output => QemuImgProgress.FollowAsync(output, percent), ct).ConfigureAwait(false);
        if (code != 0)
            throw QemuImgFault.Of(work, code, error);
    }

    /// <param name="limits">For prlimit.</param>
    /// <param name="arguments">Of qemu-img.</param>
    /// <param name="read">Reads what it writes to its end.</param>
    /// <param name="ct">Kills it.</param>
    /// <returns>Its exit code, and the beginning of what it said of an error.</returns>
    /// <exception cref="ImageException">It is missing.</exception>
    public static async Task<(int Code, string Error)> RunAsync(
        IEnumerable<string> limits, IEnumerable<string> arguments, Func<StreamReader, Task> read, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        using var process = Start([.. limits, "qemu-img", .. arguments], Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin");
        var error = BeginningAsync(process.StandardError);
        var output = read(process.StandardOutput);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(ct).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
        await output.ConfigureAwait(false);
        // Ctrl-C reaches it as well as us.
        if (process.ExitCode != 0)
            ct.ThrowIfCancellationRequested();
        return (process.ExitCode, await error.ConfigureAwait(false));
    }

    /// <summary>For prlimit. Stacks are limited because every thread's counts as address space; a core dump would show the disk.</summary>
    /// <param name="addressSpace">In bytes.</param>
    /// <param name="cpuTime">In seconds.</param>
    /// <param name="fileSize">In bytes.</param>
    public static IEnumerable<string> Limits(long addressSpace, long cpuTime, long fileSize) =>
    [
        .. new (string Name, string Value)[]
        {
            ("as", Text(addressSpace)), ("cpu", $"{Text(cpuTime)}:{Text(cpuTime + 5)}"), ("fsize", Text(fileSize)), ("stack", $"{Text(StackSize)}:"), ("core", "0"),
        }.Select(limit => $"--{limit.Name}={limit.Value}"),
    ];

    /// <summary>Reads all, for else it would be blocked, and keeps the beginning.</summary>
    public static async Task<string> BeginningAsync(StreamReader reader)
    {
        var (kept, length) = (new char[LongestError], 0);
        var rest = new char[LongestError];
        while (await reader.ReadAsync(length < kept.Length ? kept.AsMemory(length) : rest).ConfigureAwait(false) is var count and > 0)
            length = Math.Min(length + count, kept.Length);
        return new string(kept, 0, length);
    }

    private static Process Start(IReadOnlyList<string> command, string path)
    {
        // prlimit sets the limits and becomes qemu-img: the process that we know is the one that works.
        var start = new ProcessStartInfo("prlimit", command)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["LANG"] = "C";
        // glibc reserves 64 MiB of address space for each thread's own heap.
        start.Environment["MALLOC_ARENA_MAX"] = "1";
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new ImageException(ImageFailure.Missing, $"prlimit, under which qemu-img runs, cannot be started: {e.Message}; install util-linux", e);
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
