using System.Diagnostics;
using System.Threading.Channels;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Support;

/// <summary>A program that runs beside the test. Its lines can be waited for; it is killed at the end.</summary>
internal sealed class Background : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _seen = [];
    private readonly TaskCompletionSource<string> _firstOutput = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private Background(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _firstOutput), ReadAsync(process.StandardError, null))
            .ContinueWith(_ => _lines.Writer.Complete(), TaskScheduler.Default);
    }

    public int Pid => _process.Id;

    public TextWriter Input => _process.StandardInput;

    /// <summary>What it has said so far.</summary>
    public string[] Lines
    {
        get
        {
            lock (_seen)
            {
                return [.. _seen];
            }
        }
    }

    public static Background Start(string program, IEnumerable<string> arguments) => new(Children.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    }));

    /// <summary>The next line with this text in it, of its output or its error output; lines before it are passed over.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(limit.Token))
            {
                if (line.Contains(text, StringComparison.Ordinal))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"no line with \"{text}\" within {Limit}; it said:\n{string.Join('\n', Lines)}");
        }

        throw new InvalidOperationException($"it ended without a line with \"{text}\"; it said:\n{string.Join('\n', Lines)}");
    }

    /// <summary>The first line of its output (not of its error output); nothing where none comes in time.</summary>
    public async Task<string> FirstOutputAsync(TimeSpan limit)
    {
        await Task.WhenAny(_firstOutput.Task, _reading, Task.Delay(limit, TimeProvider.System));
        return _firstOutput.Task.IsCompleted ? await _firstOutput.Task : "";
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
        await _reading;
        return _process.ExitCode;
    }

    public async Task KillAsync()
    {
        // With what it forked: that would keep its ports, and its output open.
        _process.Kill(entireProcessTree: true);
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
    }

    /// <summary>Kills it as the kernel would, its children left running.</summary>
    public async Task KillAloneAsync()
    {
        Children.Signal(Pid, Native.SigKill);
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        Children.Collected(_process);
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader, TaskCompletionSource<string>? first)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_seen)
            {
                _seen.Add(line);
            }

            first?.TrySetResult(line);
            _lines.Writer.TryWrite(line);
        }
    }
}
