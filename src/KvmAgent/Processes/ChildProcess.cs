using System.Diagnostics;
using System.Globalization;

namespace KvmAgent.Processes;

/// <summary>How a child ended. A signal shows as 128 + its number, as in a shell.</summary>
internal readonly record struct ChildExit(int Code)
{
    public int? Signal => Code > 128 ? Code - 128 : null;

    public override string ToString() => Signal is { } signal ? $"signal {signal}" : $"exit code {Code}";
}

/// <summary>
/// A long-lived child (QEMU, dnsmasq): started, its output read line by line, stopped gracefully, its exit awaited.
/// Its pid is recorded in a file, so that an agent that was killed leaves nothing behind for good: the next start ends it
/// (<see cref="EndLeftoverAsync"/>). It begins once that is written, and never where the agent dies before.
/// In a container the kernel ends all when PID 1 dies.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private const int LongestLine = 4096;

    /// <summary>Becomes the program at a word from us; where its input ends without one it is over.</summary>
    private const string OnceRecorded = """read -r recorded && exec "$@" </dev/null""";

    private readonly Process _process;
    private readonly string _record;

    private ChildProcess(Process process, string record, Action<string> line)
    {
        _process = process;
        _record = record;
        Pid = process.Id;
        Exited = WatchAsync(line);
    }

    public int Pid { get; }

    /// <summary>Completes when the process has ended and all of its output was read; never faults.</summary>
    public Task<ChildExit> Exited { get; }

    /// <param name="record">The file that holds its pid while it runs.</param>
    /// <param name="program">Looked up in PATH.</param>
    /// <param name="arguments">Passed as they are.</param>
    /// <param name="line">Gets each line of its output and error output, from another thread, cut at 4096 characters.</param>
    public static ChildProcess Start(string record, string program, IEnumerable<string> arguments, Action<string> line)
    {
        // A session of its own: Ctrl-C at a terminal goes to the agent alone, which then stops its children as it should.
        var process = Children.Start(new ProcessStartInfo("setsid", ["--", "/bin/sh", "-c", OnceRecorded, "sh", Children.Find(program), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        var child = new ChildProcess(process, record, line);
        using var gate = process.StandardInput;
        File.WriteAllText(record, string.Create(CultureInfo.InvariantCulture, $"{process.Id} {ProcessStat.Read(process.Id)?.StartTicks}\n"));
        try
        {
            gate.WriteLine("recorded");
        }
        catch (IOException)
        {
            // It has ended already; how is told by its exit.
        }

        return child;
    }

    /// <summary>Kills what a predecessor left running, if the record still names that very process, and waits until it is gone.</summary>
    public static async Task EndLeftoverAsync(string record, TimeProvider time, CancellationToken cancel)
    {
        if (!File.Exists(record))
        {
            return;
        }

        var fields = (await File.ReadAllTextAsync(record, cancel).ConfigureAwait(false)).Split();
        if (fields.Length >= 2 && int.TryParse(fields[0], out var pid) && ulong.TryParse(fields[1], out var started))
        {
            while (ProcessStat.Read(pid) is { State: not 'Z' } stat && stat.StartTicks == started && Children.Signal(pid, Native.SigKill))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancel).ConfigureAwait(false);
            }
        }

        File.Delete(record);
    }

    public void Signal(int signal) => Children.Signal(Pid, signal);

    /// <summary>SIGTERM, and SIGKILL if that does not end it in time.</summary>
    public async Task<ChildExit> StopAsync(TimeSpan grace, TimeProvider time)
    {
        if (!Exited.IsCompleted)
        {
            Signal(Native.SigTerm);
            try
            {
                return await Exited.WaitAsync(grace, time).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                Signal(Native.SigKill);
            }
        }

        return await Exited.ConfigureAwait(false);
    }

    public void Dispose() => _process.Dispose();

    private async Task<ChildExit> WatchAsync(Action<string> line)
    {
        await Task.WhenAll(ReadLinesAsync(_process.StandardOutput, line), ReadLinesAsync(_process.StandardError, line)).ConfigureAwait(false);
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        var exit = new ChildExit(_process.ExitCode);
        Children.Collected(_process);
        if (File.Exists(_record))
        {
            File.Delete(_record);
        }

        return exit;
    }

    private static async Task ReadLinesAsync(StreamReader reader, Action<string> line)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } text)
        {
            line(text.Length > LongestLine ? text[..LongestLine] : text);
        }
    }
}
