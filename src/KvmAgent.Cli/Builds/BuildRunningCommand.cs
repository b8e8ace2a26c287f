using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Cli.Volumes;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Builds;

/// <summary><c>kvmctl build running</c>: which pods run an image that has builds, and whether they run the newest.</summary>
internal static class BuildRunningCommand
{
    public static Command Create()
    {
        var command = new Command("running", "For each image that has builds, tell which pods run it, and whether they run the newest.") { VmTargetOptions.Namespace, VmTargetOptions.AllNamespaces, VmTargetOptions.Provider };
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync($"{BuildCommand.Root}/running{VolumeScope.Of(result)}", RestJson.Default.ImageUseList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Images, JsonSerializer.SerializeToNode(list, RestJson.Default.ImageUseList)!, static i => i.Name, Columns, "there are no builds").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<ImageUse>> Columns =>
    [
        new("IMAGE", static i => i.Name),
        new("NEWEST", static i => $"{i.Revision}"),
        new("STATUS", static i => i.Status, Style: static i => ColorOf(i.RuntimeStatus)),
        new("PODS", static i => $"{i.Pods.Count}"),
        new("RUNNING", static i => string.Join(",", i.Pods.Select(static p => $"{p.Namespace}/{p.Pod}:{p.Revision?.ToString() ?? "unknown"}")), Wide: true),
    ];

    private static Color? ColorOf(int status) => status switch
    {
        RuntimeStatuses.UpToDate => Color.Green,
        RuntimeStatuses.OutOfDate => Color.Red,
        RuntimeStatuses.Unknown => Color.Yellow,
        _ => null,
    };
}
