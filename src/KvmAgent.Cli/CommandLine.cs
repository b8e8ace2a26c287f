using System.CommandLine;
using KvmAgent.Cli.Output;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli;

/// <summary>What all verbs have in common.</summary>
internal static class CommandLine
{
    /// <summary>Runs a verb; what fails is told in one place, and becomes the exit code.</summary>
    public static void Guard(this Command command, Func<ParseResult, CancellationToken, Task> run) => command.SetAction(async (result, cancel) =>
    {
        try
        {
            await run(result, cancel).ConfigureAwait(false);
            return 0;
        }
        catch (CliException e)
        {
            return await TellAsync(result, e, e.ExitCode).ConfigureAwait(false);
        }
        catch (KubernetesConfigException e)
        {
            return await TellAsync(result, e, ExitCodes.Usage).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            return await TellAsync(result, e, ExitCodes.Unavailable).ConfigureAwait(false);
        }
    });

    private static async Task<int> TellAsync(ParseResult result, Exception e, int code)
    {
        foreach (var line in e.Message.Split('\n'))
        {
            await result.InvocationConfiguration.Error.WriteLineAsync($"kvmctl: {Shown.Clean(line)}").ConfigureAwait(false);
        }

        return code;
    }
}
