using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Nodes;

/// <summary><c>kvmctl node list</c>.</summary>
internal static class NodeCommand
{
    public static Command Create() => new("node", "Look at the machines on which pods run.") { List(), VmTargetOptions.Provider, Printer.Option };

    private static Command List()
    {
        var command = new Command("list", "List nodes.");
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            var query = QueryText.Of(("provider", result.GetValue(VmTargetOptions.Provider)));
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync("/inventory/nodes" + query, RestJson.Default.NodeList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Nodes, JsonSerializer.SerializeToNode(list, RestJson.Default.NodeList)!, static node => node.Name, Columns(list.Timestamp), "there are no nodes").ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<NodeSummary>> Columns(DateTimeOffset now) =>
    [
        new("NAME", static n => n.Name),
        new("STATUS", static n => (n.Ready ? "Ready" : "NotReady") + (n.Schedulable ? "" : ",SchedulingDisabled"), Style: static n => n.Ready ? Color.Green : Color.Red),
        new("ARCH", static n => n.Architecture ?? ""),
        new("CPUS", static n => n.Cpus?.ToString(CultureInfo.InvariantCulture) ?? ""),
        new("MEMORY", static n => Shown.Bytes(n.MemoryBytes)),
        new("OS", static n => n.Os ?? ""),
        new("AGE", n => Shown.Age(n.CreatedAt, now)),
        new("KERNEL", static n => n.Kernel ?? "", Wide: true),
        new("IP", static n => n.Addresses is [var first, ..] ? first : "", Wide: true),
        new("RUNTIME", static n => n.ContainerRuntime ?? "", Wide: true),
        new("MACHINE-ID", static n => n.MachineId ?? "", Wide: true),
    ];
}
