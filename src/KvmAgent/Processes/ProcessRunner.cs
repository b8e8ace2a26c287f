using System.Diagnostics;

namespace KvmAgent.Processes;

/// <summary>What a short command left: its exit code and what it printed.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Error);

/// <summary>Runs short external commands: an argument list, never a shell; a deadline; what it wrote to stderr becomes the error.</summary>
internal static class ProcessRunner
{
    private static readonly TimeSpan UsualLimit = TimeSpan.FromSeconds(30);

    /// <summary>Runs a command to its end and gives its standard output.</summary>
    /// <param name="program">Looked up in PATH.</param>
    /// <param name="arguments">Passed as they are.</param>
    /// <param name="input">Text for its standard input; none: it is closed at once.</param>
    /// <param name="failure">The reason to give where the command fails.</param>
    /// <param name="limit">How long it may take; 30 s where it is not given.</param>
    /// <param name="cancel">Kills the command.</param>
    /// <exception cref="AgentException">The program is missing, failed, or took too long.</exception>
    public static async Task<string> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? input = null,
        FailureReason failure = FailureReason.Missing,
        TimeSpan? limit = null,
        CancellationToken cancel = default)
    {
        var list = arguments.ToArray();
        var result = await TryRunAsync(program, list, input, limit, cancel).ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            var said = result.Error.Trim() is { Length: > 0 } error ? error : result.Output.Trim();
            throw new AgentException(failure, $"{program} {string.Join(' ', list)} failed with exit code {result.ExitCode}: {said}");
        }

        return result.Output;
    }

    /// <summary>As <see cref="RunAsync"/>, for commands whose failure means something to the caller.</summary>
    public static async Task<ProcessResult> TryRunAsync(
        string program, IEnumerable<string> arguments, string? input = null, TimeSpan? limit = null, CancellationToken cancel = default)
    {
        var within = limit ?? UsualLimit;
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Children.Start(info);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(within);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            await FeedAsync(process, input).ConfigureAwait(false);
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
            return new ProcessResult(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            Children.Signal(process.Id, Native.SigKill);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
            throw new AgentException(FailureReason.Missing, $"{program} did not end within {within.TotalSeconds:0} s and was killed");
        }
        finally
        {
            Children.Collected(process);
        }
    }

    private static async Task FeedAsync(Process process, string? input)
    {
        try
        {
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input).ConfigureAwait(false);
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all of its input: its exit code and stderr say why.
        }
    }
}
