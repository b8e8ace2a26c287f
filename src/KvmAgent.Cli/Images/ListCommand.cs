using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Cli.Volumes;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Images;

/// <summary><c>kvmctl image list</c>: those that are in use.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var command = new Command("list", "List the images that machines and volumes are made of.") { VmTargetOptions.AllNamespaces };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync($"/kubevirt/images{VolumeScope.Of(result)}", RestJson.Default.ImageList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Images, JsonSerializer.SerializeToNode(list, RestJson.Default.ImageList)!, static i => i.Image, Columns, "there are no images").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<ImageSummary>> Columns =>
    [
        new("IMAGE", static i => i.Image),
        new("MACHINES", static i => i.Machines.Count.ToString(CultureInfo.InvariantCulture)),
        new("VOLUMES", static i => i.Volumes.Count.ToString(CultureInfo.InvariantCulture)),
        new("USED BY", static i => string.Join(",", i.Machines), Wide: true),
        new("IN", static i => string.Join(",", i.Volumes), Wide: true),
    ];
}
