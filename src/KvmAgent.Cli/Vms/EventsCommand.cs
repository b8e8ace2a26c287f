using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm events</c>: what happened to a machine, its instance and its pods.</summary>
internal static class EventsCommand
{
    public static Command Create()
    {
        var command = new Command("events", "Show what happened to a virtual machine, the newest last.") { VmTarget.Argument };
        command.Guard(async (result, cancel) =>
        {
            var target = VmTarget.Of(result);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync($"{target.Path}/events{target.ProviderQuery}", RestJson.Default.VmEventList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Events, JsonSerializer.SerializeToNode(list, RestJson.Default.VmEventList)!, static e => $"{e.Object} {e.Reason}", Columns(list.Timestamp), $"there are no events of {target}").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<VmEvent>> Columns(DateTimeOffset now) =>
    [
        new("LAST SEEN", e => Shown.Age(e.LastSeen, now)),
        new("TYPE", static e => e.Type, Style: static e => e.Type == "Normal" ? null : Color.Yellow),
        new("REASON", static e => e.Reason),
        new("OBJECT", static e => e.Object),
        new("FIRST SEEN", e => Shown.Age(e.FirstSeen, now), Wide: true),
        new("COUNT", static e => e.Count.ToString(CultureInfo.InvariantCulture), Wide: true),
        new("MESSAGE", static e => e.Message),
    ];
}
