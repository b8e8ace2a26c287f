using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Volumes;

/// <summary><c>kvmctl volume list</c>.</summary>
internal static class VolumeCommand
{
    public static Command Create() => new("volume", "Look at the volumes that disks are on.") { List(), VmTargetOptions.Namespace, VmTargetOptions.Provider, Printer.Option };

    private static Command List()
    {
        var command = new Command("list", "List volumes, and how many machines use them.") { VmTargetOptions.AllNamespaces };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync($"/kubevirt/volumes{VolumeScope.Of(result)}", RestJson.Default.VolumeList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Volumes, JsonSerializer.SerializeToNode(list, RestJson.Default.VolumeList)!, static v => v.Id, Columns(list.Timestamp), "there are no volumes").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<VolumeSummary>> Columns(DateTimeOffset now) =>
    [
        new("NAMESPACE", static v => v.Namespace),
        new("NAME", static v => v.Name),
        new("PHASE", static v => v.Phase, Style: static v => ColorOf(v.Phase)),
        new("PROGRESS", static v => v.Percent is { } percent ? percent.ToString("0.#", CultureInfo.InvariantCulture) + "%" : ""),
        new("SIZE", static v => Shown.Bytes(v.SizeBytes)),
        new("MACHINES", static v => v.Machines.Count.ToString(CultureInfo.InvariantCulture)),
        new("AGE", v => Shown.Age(v.CreatedAt, now)),
        new("CLASS", static v => v.StorageClass ?? "", Wide: true),
        new("MODE", static v => v.VolumeMode ?? "", Wide: true),
        new("USED BY", static v => string.Join(",", v.Machines), Wide: true),
        new("IMAGE", static v => v.Image ?? "", Wide: true),
        new("MESSAGE", static v => v.Message ?? "", Wide: true),
    ];

    private static Color? ColorOf(string phase) => phase switch
    {
        VolumePhases.Succeeded or VolumePhases.Bound => Color.Green,
        VolumePhases.Failed => Color.Red,
        _ => Color.Yellow,
    };
}
