using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Alone;

/// <summary>What changes VMs: their agents' reports, links that end, and other processes. All of it with the gate held.</summary>
internal sealed partial class AloneMachines
{
    private void Compare()
    {
        var kept = _store.Vms().ToDictionary(static vm => vm.Key, static vm => vm.Object.Metadata.Uid);
        foreach (var (key, _) in _vms.Where(e => kept.GetValueOrDefault(e.Key) != e.Value.Vm.Object.Metadata.Uid).ToList())
        {
            LogForgotten(key);
            Drop(key);
        }

        _version = _store.Versions.Latest;
        Signal();
    }

    private void Take(AgentReport report)
    {
        lock (_gate)
        {
            var key = new MachineKey(report.Agent.Namespace, report.Agent.PodName);
            if (_vms.GetValueOrDefault(key) is not { } entry || entry.Vm.Object.Metadata.Uid != report.Agent.PodUid)
            {
                return;
            }

            if (entry.Vm.Object is { Metadata.DeletionTimestamp: not null, Status.Agent: { } told } && told.Start != report.Start.Id)
            {
                // What was to be deleted has ended untold; what dials now is to enrol as another.
                Remove(key);
                return;
            }

            var last = entry.Told is var (start, known) && start == report.Start.Id ? known : null;
            var (vm, status) = AloneInstance.Told(entry.Vm.Object, report, last, _time.GetUtcNow());
            Save(entry, vm, report.Transition);
            entry.Told = (report.Start.Id, status);
            if (vm.Metadata.DeletionTimestamp is not null && VmiPhases.IsFinal(vm.Status!.Phase))
            {
                Remove(key);
            }
        }
    }

    private VirtualMachineInstance? Remove(MachineKey key)
    {
        var removed = _store.Remove(key);
        Drop(key);
        Written();
        return removed;
    }

    private void Away(AgentLink link)
    {
        lock (_gate)
        {
            try
            {
                MarkAway(link);
            }
            catch (CoordinatorException e)
            {
                // A restart of the coordinator would say so too.
                LogNotKept(e.Message);
            }
        }
    }

    private void MarkAway(AgentLink link)
    {
        if (_vms.GetValueOrDefault(new MachineKey(link.Identity.Namespace, link.Identity.PodName)) is { } entry
            && entry.Vm.Object.Metadata.Uid == link.Identity.PodUid)
        {
            Save(entry, AloneInstance.Away(entry.Vm.Object, _time.GetUtcNow()));
        }
    }

    private void Save(Entry entry, VirtualMachineInstance vm, TransitionReport? transition = null)
    {
        if (transition is null && JsonNode.DeepEquals(Json(entry.Vm.Object), Json(vm)))
        {
            return;
        }

        if (_store.Save(vm, transition) is { } kept)
        {
            entry.Vm = entry.Vm with { Object = kept };
            Written();
        }
    }

    private void Drop(MachineKey key)
    {
        if (_vms.Remove(key, out var entry))
        {
            _agents.Forget(entry.Vm.Object.Metadata.Uid!, "the VM was forgotten here");
        }
    }

    /// <summary>One change of ours is in the store. Where it was not the next, another process has made some between.</summary>
    private void Written()
    {
        if (_store.Versions.Latest is var latest && latest != _version + 1)
        {
            Compare();
        }

        _version = latest;
        Signal();
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private static JsonNode? Json(VirtualMachineInstance vm) => JsonSerializer.SerializeToNode(vm, ApiJson.Default.VirtualMachineInstance);
}
