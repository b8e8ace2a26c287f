using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.History;

/// <summary>What happens from now on, below what has happened. When the stream breaks it is dialled again behind the last event that was told, so that nothing is missed.</summary>
internal sealed class HistoryFollowing(Printer printer, TextWriter words, TimeProvider time)
{
    private static readonly TimeSpan Redial = TimeSpan.FromSeconds(1), MostRedial = TimeSpan.FromSeconds(30);

    private readonly TableWidths _widths = new();

    /// <param name="query">With its question mark.</param>
    /// <exception cref="CliException">It is refused.</exception>
    public async Task RunAsync(HistoryList list, string query, CancellationToken cancel)
    {
        if (!await printer.BeginAsync(list.Events, HistoryCommand.Columns, "there are no events so far", _widths).ConfigureAwait(false))
        {
            foreach (var happened in list.Events)
            {
                await ShowAsync(happened).ConfigureAwait(false);
            }
        }

        var (after, pause) = (list.Last, Redial);
        while (true)
        {
            var why = "the coordinator has ended the stream";
            try
            {
                // Each time anew: a token that a plugin makes expires.
                using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
                await foreach (var (reached, happened, isGap) in client.HistoryAsync(query, after, time, cancel).ConfigureAwait(false))
                {
                    (after, pause) = (reached, Redial);
                    if (isGap)
                    {
                        await words.WriteLineAsync("kvmctl: some events are missing here: the coordinator does not keep them any more").ConfigureAwait(false);
                    }

                    if (happened is not null)
                    {
                        await ShowAsync(happened).ConfigureAwait(false);
                    }
                }
            }
            catch (CliException e) when (e.MayPass)
            {
                why = e.Message;
            }

            var wait = pause * (0.5 + Random.Shared.NextDouble());
            await words.WriteLineAsync(FormattableString.Invariant($"kvmctl: {Shown.Clean(why)}; dialling again in {wait.TotalSeconds:0.#} s")).ConfigureAwait(false);
            await Task.Delay(wait, time, cancel).ConfigureAwait(false);
            pause = pause * 2 < MostRedial ? pause * 2 : MostRedial;
        }
    }

    private Task ShowAsync(HistoryEvent happened) =>
        printer.NextAsync(happened, JsonSerializer.SerializeToNode(happened, RestJson.Default.HistoryEvent)!, HistoryCommand.Name, HistoryCommand.Columns, _widths);
}
