using System.CommandLine;
using System.Globalization;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm logs</c>: what the machine's pod says. What of it came from a guest is made harmless.</summary>
internal static class LogsCommand
{
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Go on until the pod ends, or Ctrl-C." };

    private static readonly Option<int?> Tail = new("--tail") { Description = "How many of the last lines; without it all." };

    public static Command Create()
    {
        var command = new Command("logs", "Show the log of a virtual machine's pod: what its agent says.") { VmTarget.Argument, Follow, Tail };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            var query = QueryText.Of(("provider", target.Provider), ("follow", result.GetValue(Follow) ? "true" : null), ("tail", result.GetValue(Tail)?.ToString(CultureInfo.InvariantCulture)));
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            try
            {
                await foreach (var line in client.LinesAsync($"{target.Path}/logs{query}", cancel).ConfigureAwait(false))
                {
                    await result.InvocationConfiguration.Output.WriteLineAsync(Shown.Clean(line.Replace("\t", "    ", StringComparison.Ordinal))).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // That is how it ends.
            }
        });
        return command;
    }
}
