using KvmAgent.Contracts;
using KvmAgent.Import;

namespace KvmAgent.Commands;

/// <summary>What an importer pod runs ends with a message where the kubelet reads it.</summary>
internal static class TerminationGuard
{
    /// <summary>Does it, and tells how it ended, whichever way that was.</summary>
    /// <param name="path">See <see cref="ImportTermination.Write"/>.</param>
    /// <param name="paths">Likewise.</param>
    /// <param name="undone">What is said to be left undone where a signal stopped it.</param>
    /// <param name="signals">That may.</param>
    /// <param name="work">Returns what is printed, and the end.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="AgentException">It failed.</exception>
    public static async Task<int> RunAsync(string? path, HostPaths paths, string undone, CommandSignals signals, Func<Task<(string Text, ImportResult Result)>> work)
    {
        try
        {
            var (text, result) = await work().ConfigureAwait(false);
            Console.WriteLine(text);
            ImportTermination.Write(path, paths, result);
            return 0;
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            var said = $"stopped by a signal; {undone}";
            await Console.Error.WriteLineAsync($"kvm-agent: {said}").ConfigureAwait(false);
            ImportTermination.Write(path, paths, new ImportResult(said, "Stopped", code));
            return code;
        }
        catch (AgentException e)
        {
            ImportTermination.Write(path, paths, new ImportResult(e.Message, e.Reason.ToString(), e.ExitCode));
            throw;
        }
        catch (Exception e)
        {
            ImportTermination.Write(path, paths, new ImportResult($"{e.GetType().Name}: {e.Message}", nameof(FailureReason.Internal), (int)FailureReason.Internal));
            throw new AgentException(FailureReason.Internal, $"a fault of kvm-agent's own, please report it: {e}", e);
        }
    }
}
