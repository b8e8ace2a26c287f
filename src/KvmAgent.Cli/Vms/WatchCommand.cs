using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary>
/// <c>kvmctl vm watch</c>: machines as they are, then each change. When the stream breaks it is dialled again, and what the list tells then and
/// has not been shown is shown: nothing is lost between but what was undone meanwhile.
/// </summary>
internal static class WatchCommand
{
    private static readonly TimeSpan Redial = TimeSpan.FromSeconds(1), MostRedial = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        var command = new Command("watch", "Show virtual machines, and then a line for each change, until Ctrl-C.") { VmTargetOptions.AllNamespaces };
        command.Guard(async (result, cancel) =>
        {
            try
            {
                await RunAsync(VmTable.Request(result), new WatchedTable(Printer.Of(result), TimeProvider.System), result.InvocationConfiguration.Error, TimeProvider.System, cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // That is how it ends.
            }
        });
        return command;
    }

    private static async Task RunAsync(VmListRequest request, WatchedTable table, TextWriter words, TimeProvider time, CancellationToken cancel)
    {
        var pause = Redial;
        while (true)
        {
            var why = "the coordinator has ended the stream";
            try
            {
                // Each time anew: a token that a plugin makes expires.
                using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
                await foreach (var change in client.WatchAsync(Query(request), time, cancel).ConfigureAwait(false))
                {
                    pause = Redial;
                    await (change is null
                        ? table.ShowAsync(request, await VmTable.AllAsync(client, request, cancel).ConfigureAwait(false))
                        : table.ShowAsync(request, change)).ConfigureAwait(false);
                }
            }
            catch (CliException e) when (e.MayPass && table.IsBegun)
            {
                why = e.Message;
            }

            var wait = pause * (0.5 + Random.Shared.NextDouble());
            await words.WriteLineAsync(FormattableString.Invariant($"kvmctl: {Shown.Clean(why)}; dialling again in {wait.TotalSeconds:0.#} s")).ConfigureAwait(false);
            await Task.Delay(wait, time, cancel).ConfigureAwait(false);
            pause = pause * 2 < MostRedial ? pause * 2 : MostRedial;
        }
    }

    private static string Query(VmListRequest request) => QueryText.Of(
        ("all_namespaces", request.AllNamespaces ? "true" : null), ("namespace", request.Namespace), ("provider", request.Provider));
}
