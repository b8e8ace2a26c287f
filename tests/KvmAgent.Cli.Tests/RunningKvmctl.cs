using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Cli.Tests;

/// <summary>A run that goes on until a test ends it: what it has said so far, and its keyboard.</summary>
internal sealed class RunningKvmctl : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new(), _error = new();
    private readonly Task _reading;

    public RunningKvmctl(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _output), ReadAsync(process.StandardError, _error));
    }

    public string Output => Text(_output);

    public string Error => Text(_error);

    public IReadOnlyList<string> Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public Task SaysAsync(Func<RunningKvmctl, bool> what, string words) => Until.TrueAsync(
        () => what(this) || (_process.HasExited && _reading.IsCompleted ? throw new InvalidOperationException($"it has ended and did not say {words}: {Output}{Error}") : false), words);

    public Task SaysAsync(string text) => SaysAsync(r => r.Output.Contains(text, StringComparison.Ordinal), text);

    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync();
    }

    public void EndInput() => _process.StandardInput.Close();

    /// <param name="number">2 is Ctrl-C's, 15 kill's.</param>
    public void Signal(int number) => Signal(_process.Id, number);

    public static void Signal(int process, int number) => Kill(process, number).ShouldBe(0);

    public async Task<Run> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        await _reading.WaitAsync(Limit);
        return new Run(_process.ExitCode, Output, Error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static async Task ReadAsync(StreamReader reader, StringBuilder text)
    {
        var buffer = new char[4096];
        while (await reader.ReadAsync(buffer) is > 0 and var count)
        {
            lock (text)
            {
                text.Append(buffer, 0, count);
            }
        }
    }
}
