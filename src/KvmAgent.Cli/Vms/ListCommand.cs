using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Vms;

/// <summary><c>kvmctl vm list</c>: all pages of it.</summary>
internal static class ListCommand
{
    private const int PageSize = 500;

    public static Command Create()
    {
        var all = new Option<bool>("--all-namespaces", "-A") { Description = "Of all namespaces." };
        var labels = new Option<string?>("--selector", "-l") { Description = "Labels that they have: key=value, by commas." };
        var search = new Option<string?>("--search") { Description = "A part of the name, of the namespace or of an address." };
        var power = new Option<string?>("--power-state") { Description = "running, paused, starting, stopping, stopped, failed or unknown." };
        var command = new Command("list", "List virtual machines.") { all, labels, search, power };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            var ns = result.GetValue(VmTargetOptions.Namespace);
            if (ns is not null && result.GetValue(all))
            {
                throw new CliException(ExitCodes.Usage, $"--namespace {ns} and --all-namespaces exclude one another; give one of them");
            }

            var request = new VmListRequest
            {
                Provider = result.GetValue(VmTargetOptions.Provider),
                Namespace = ns,
                AllNamespaces = result.GetValue(all),
                Labels = Labels(result.GetValue(labels)),
                Search = result.GetValue(search),
                PowerState = result.GetValue(power),
                Limit = PageSize,
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await AllAsync(client, request, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Vms,
                JsonSerializer.SerializeToNode(list, RestJson.Default.VmList)!,
                static vm => vm.Id,
                [.. Columns(list.Timestamp).Where(c => request.AllNamespaces || c.Title != "NAMESPACE")],
                request.AllNamespaces ? "there are no machines" : $"there are no machines in namespace {ns ?? "default"}; -A lists those of all").ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<VmList> AllAsync(ManagementClient client, VmListRequest request, CancellationToken cancel)
    {
        var vms = new List<VmSummary>();
        while (true)
        {
            var page = await client.PostAsync("/kubevirt/vms/list", request, RestJson.Default.VmListRequest, RestJson.Default.VmList, cancel).ConfigureAwait(false);
            vms.AddRange(page.Vms);
            if (page.Continue is null)
            {
                return page with { Vms = vms, Total = vms.Count };
            }

            request = request with { Continue = page.Continue };
        }
    }

    private static IReadOnlyList<Column<VmSummary>> Columns(DateTimeOffset now) =>
    [
        new("NAMESPACE", static vm => vm.Namespace),
        new("NAME", static vm => vm.Name),
        new("STATUS", static vm => vm.Status, Style: static vm => ColorOf(vm.PowerState)),
        new("READY", static vm => vm.Ready ? "True" : "False"),
        new("IP", static vm => vm.IpAddresses is [var first, ..] ? first : ""),
        new("NODE", static vm => vm.Node ?? ""),
        new("AGE", vm => Shown.Age(vm.CreatedAt, now)),
        new("STRATEGY", static vm => vm.RunStrategy ?? "", Wide: true),
        new("CPUS", static vm => vm.Cpus?.ToString(CultureInfo.InvariantCulture) ?? "", Wide: true),
        new("MEMORY", static vm => Shown.Bytes(vm.MemoryBytes), Wide: true),
        new("OS", static vm => vm.GuestOs ?? "", Wide: true),
        new("MESSAGE", static vm => vm.Message ?? "", Wide: true),
    ];

    private static Color? ColorOf(string power) => power switch
    {
        PowerStates.Running => Color.Green,
        PowerStates.Failed => Color.Red,
        PowerStates.Starting or PowerStates.Stopping or PowerStates.Paused => Color.Yellow,
        _ => null,
    };

    private static Dictionary<string, string>? Labels(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var labels = new Dictionary<string, string>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            labels[part.Split('=')[0]] = part.Split('=') is [{ Length: > 0 }, var value] ? value
                : throw new CliException(ExitCodes.Usage, $"--selector {part} is no label; write key=value");
        }

        return labels;
    }
}
