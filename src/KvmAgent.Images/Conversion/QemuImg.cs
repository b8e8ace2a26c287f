using System.ComponentModel;
using System.Diagnostics;

namespace KvmAgent.Images.Conversion;

/// <summary>
/// Runs qemu-img convert: an argument list, nothing of our environment, limits of memory, time and file size, for it reads what others
/// have made. What it says on stderr becomes the error. Cancelling kills it and waits until it is gone.
/// </summary>
internal static class QemuImg
{
    private const int LongestError = 4096;

    /// <param name="work">What is converted into what; the files stay the caller's.</param>
    /// <param name="percent">From 0 to 100.</param>
    /// <param name="ct">Kills it.</param>
    /// <exception cref="ImageException">It is missing, failed, or met a limit.</exception>
    public static async Task RunAsync(QemuImgConversion work, IProgress<double>? percent, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        using var process = Start(work, Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin");
        var error = BeginningAsync(process.StandardError);
        var output = QemuImgProgress.FollowAsync(process.StandardOutput, percent);
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
        if (process.ExitCode == 0)
            return;
        // Ctrl-C reaches it as well as us.
        ct.ThrowIfCancellationRequested();
        throw QemuImgFault.Of(work, process.ExitCode, await error.ConfigureAwait(false));
    }

    private static Process Start(QemuImgConversion work, string path)
    {
        // prlimit sets the limits and becomes qemu-img: the process that we know is the one that works.
        var start = new ProcessStartInfo("prlimit", [.. work.Limits, "qemu-img", .. work.Arguments])
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

    /// <summary>Reads all, for else it would be blocked, and keeps the beginning.</summary>
    private static async Task<string> BeginningAsync(StreamReader reader)
    {
        var (kept, length) = (new char[LongestError], 0);
        var rest = new char[LongestError];
        while (await reader.ReadAsync(length < kept.Length ? kept.AsMemory(length) : rest).ConfigureAwait(false) is var count and > 0)
            length = Math.Min(length + count, kept.Length);
        return new string(kept, 0, length);
    }
}
