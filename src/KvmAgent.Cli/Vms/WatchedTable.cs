using System.Text.Json;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary>What has been shown of machines, and what is new beside it.</summary>
internal sealed class WatchedTable(Printer printer, TimeProvider time)
{
    private const string Removed = "Removed";

    private readonly TableWidths _widths = new();
    private readonly Dictionary<string, (string Text, VmSummary Vm)> _shown = [];

    /// <summary>Whether a list has been shown.</summary>
    public bool IsBegun { get; private set; }

    /// <summary>The list, or what of it is new.</summary>
    public async Task ShowAsync(VmListRequest request, VmList list)
    {
        if (!IsBegun)
        {
            IsBegun = true;
            if (await printer.BeginAsync(list.Vms, VmTable.Columns(request, () => list.Timestamp), VmTable.Nothing(request), _widths).ConfigureAwait(false))
            {
                foreach (var vm in list.Vms)
                {
                    _shown[vm.Id] = (Text(vm), vm);
                }

                return;
            }
        }

        var there = list.Vms.Select(static vm => vm.Id).ToHashSet();
        foreach (var (_, gone) in _shown.Values.Where(s => !there.Contains(s.Vm.Id)).ToList())
        {
            await ShowAsync(request, new VmChange(VmChange.Removed, gone)).ConfigureAwait(false);
        }

        foreach (var vm in list.Vms)
        {
            await ShowAsync(request, new VmChange(VmChange.Set, vm)).ConfigureAwait(false);
        }
    }

    /// <summary>A line, unless that is what has been shown last of the machine.</summary>
    public Task ShowAsync(VmListRequest request, VmChange change)
    {
        var (vm, text) = (change.Vm, Text(change.Vm));
        if (change.Type == VmChange.Removed)
        {
            if (!_shown.Remove(vm.Id))
            {
                return Task.CompletedTask;
            }
        }
        else if (_shown.TryGetValue(vm.Id, out var last) && last.Text == text)
        {
            return Task.CompletedTask;
        }
        else
        {
            _shown[vm.Id] = (text, vm);
        }

        return printer.NextAsync(
            change.Type == VmChange.Removed ? vm with { Status = Removed, PowerState = PowerStates.Unknown, Ready = false, IpAddresses = [], Node = null } : vm,
            JsonSerializer.SerializeToNode(change, RestJson.Default.VmChange)!,
            static vm => vm.Id,
            VmTable.Columns(request, time.GetUtcNow),
            _widths);
    }

    private static string Text(VmSummary vm) => JsonSerializer.Serialize(vm, RestJson.Default.VmSummary);
}
