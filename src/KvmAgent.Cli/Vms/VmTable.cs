using System.CommandLine;
using System.Globalization;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;
using Spectre.Console;

namespace KvmAgent.Cli.Vms;

/// <summary>Machines in a table: which are asked for, and what is shown of each.</summary>
internal static class VmTable
{
    private const int PageSize = 500;

    /// <exception cref="CliException">One namespace and all of them are asked for.</exception>
    public static VmListRequest Request(ParseResult result)
    {
        var (ns, all) = (result.GetValue(VmTargetOptions.Namespace), result.GetValue(VmTargetOptions.AllNamespaces));
        return ns is not null && all
            ? throw new CliException(ExitCodes.Usage, $"--namespace {ns} and --all-namespaces exclude one another; give one of them")
            : new VmListRequest { Provider = result.GetValue(VmTargetOptions.Provider), Namespace = ns, AllNamespaces = all, Limit = PageSize };
    }

    /// <summary>What is said of none.</summary>
    public static string Nothing(VmListRequest request) =>
        request.AllNamespaces ? "there are no machines" : $"there are no machines in namespace {request.Namespace ?? "default"}; -A lists those of all";

    /// <summary>All pages.</summary>
    public static async Task<VmList> AllAsync(ManagementClient client, VmListRequest request, CancellationToken cancel)
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

    /// <param name="now">Of what ages are told.</param>
    public static IReadOnlyList<Column<VmSummary>> Columns(VmListRequest request, Func<DateTimeOffset> now) =>
    [
        .. request.AllNamespaces ? [new("NAMESPACE", static vm => vm.Namespace)] : Array.Empty<Column<VmSummary>>(),
        new("NAME", static vm => vm.Name),
        new("STATUS", static vm => vm.Status, Style: static vm => ColorOf(vm.PowerState)),
        new("READY", static vm => vm.Ready ? "True" : "False"),
        new("IP", static vm => vm.IpAddresses is [var first, ..] ? first : ""),
        new("NODE", static vm => vm.Node ?? ""),
        new("AGE", vm => Shown.Age(vm.CreatedAt, now())),
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
}
