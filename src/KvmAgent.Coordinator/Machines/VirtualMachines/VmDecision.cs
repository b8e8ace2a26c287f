using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>
/// What to do for a machine: start it, by making its instance; stop it, by deleting that; and say how it is. KubeVirt's rules:
///
/// | runStrategy    | no instance           | it ended well        | it failed              |
/// |----------------|-----------------------|----------------------|------------------------|
/// | Always         | start                 | start anew           | start anew, backing off|
/// | RerunOnFailure | start                 | leave                | start anew, backing off|
/// | Once           | start                 | leave                | leave                  |
/// | Manual         | start on request      | start on request     | start on request       |
/// | Halted         | leave                 | take away            | take away              |
///
/// Requests to start and to stop stand in the status until they are done.
/// </summary>
internal static class VmDecision
{
    public static Decision<VirtualMachineStatus> Decide(VmView view)
    {
        if (view.Vm.Metadata.DeletionTimestamp is not null || view.Vm.Spec is null)
        {
            return new(VmPrintableStatus.Describe(view, view.Vm.Status ?? new(), null), [], []);
        }

        if (view.Instance is { } foreign && foreign.Metadata.Controller?.Uid != view.Vm.Metadata.Uid)
        {
            var whose = foreign.Metadata.Controller is { } owner ? $"{owner.Kind} {owner.Name}" : "nobody";
            var remedy = AdoptedPod.OwnerOf(foreign) is null ? "delete it, or rename the machine" : "rename the machine, or take away what makes that pod";
            return Problem(view, "NameTaken", $"VirtualMachineInstance {foreign.Metadata.Name} is there already and belongs to {whose}; {remedy}");
        }

        var requests = (view.Vm.Status?.StateChangeRequests ?? []).ToList();
        var instance = view.Instance;
        // A stop that has been done: its instance is gone, or another.
        requests.RemoveAll(r => r.Action == StateChangeRequest.Stop && r.Uid != instance?.Metadata.Uid);
        var decision = instance is null ? WithoutInstance(view, requests) : WithInstance(view, instance, requests);
        var volumes = VolumeTemplates.Missing(view);
        return volumes.Count == 0 ? decision : decision with { Actions = [.. volumes.Select(static v => new MachineAction.CreateVolume(v)), .. decision.Actions] };
    }

    private static Decision<VirtualMachineStatus> WithInstance(VmView view, VirtualMachineInstance instance, List<StateChangeRequest> requests)
    {
        var strategy = view.Vm.Spec!.EffectiveRunStrategy;
        var phase = instance.Status?.Phase;
        var failure = StartBackoff.After(view, instance);
        var stop = requests.Any(static r => r.Action == StateChangeRequest.Stop);
        var ended = VmiPhases.IsFinal(phase);
        var startAnew = ended && strategy switch
        {
            RunStrategies.Always => true,
            RunStrategies.RerunOnFailure => phase == VmiPhases.Failed,
            RunStrategies.Manual => requests.Any(static r => r.Action == StateChangeRequest.Start),
            _ => false,
        };
        if (!stop && !ended)
        {
            // It is started: that is done.
            requests.RemoveAll(static r => r.Action == StateChangeRequest.Start);
        }

        var status = Status(view, requests, failure);
        if (instance.Metadata.DeletionTimestamp is not null || !(stop || startAnew || strategy == RunStrategies.Halted))
        {
            return new(status, [], []);
        }

        var message = ended
            ? $"Deleted virtual machine instance {instance.Metadata.Name}, which has ended in phase {phase}"
            : $"Stopped the virtual machine by deleting the virtual machine instance {instance.Metadata.Uid}";
        return new(
            status,
            [new MachineAction.DeleteInstance(instance.Metadata.Name!, instance.Metadata.Uid!, GracePeriod(requests))],
            [new(Event.Normal, "SuccessfulDelete", message)]);
    }

    private static Decision<VirtualMachineStatus> WithoutInstance(VmView view, List<StateChangeRequest> requests)
    {
        var strategy = view.Vm.Spec!.EffectiveRunStrategy;
        var request = requests.FirstOrDefault(static r => r.Action == StateChangeRequest.Start);
        var wanted = strategy switch
        {
            RunStrategies.Halted => false,
            RunStrategies.Manual => request is not null,
            _ => true,
        };
        if (!wanted)
        {
            return new(Status(view, [], null), [], []);
        }

        var failure = view.Vm.Status?.StartFailure;
        var status = Status(view, requests, failure);
        if (view.Pods.Count > 0)
        {
            // Its disk is still in use there.
            return new(status, [], []);
        }

        if (VolumeTemplates.Missing(view).Count > 0)
        {
            // Their claims are made first, and touch the machine.
            return new(status, [], []);
        }

        if (failure?.RetryAfterTimestamp is { } retry && retry > view.Now)
        {
            return new(status, [], [], retry - view.Now);
        }

        var (spec, problem) = InstancetypeExpansion.Expand(view.Vm, view.Instancetype, view.Preference);
        if (problem is { } obstacle)
        {
            return Problem(view with { Vm = view.Vm with { Status = Before(view, requests, failure) } }, obstacle.Reason, obstacle.Message);
        }

        var paused = request?.Data?.GetValueOrDefault("paused") == "true";
        return new(
            status,
            [new MachineAction.CreateInstance(InstanceTemplate.Create(view.Vm, spec!, paused))],
            [new(Event.Normal, "SuccessfulCreate", $"Started the virtual machine by creating the new virtual machine instance {view.Vm.Metadata.Name}")]);
    }

    private static Decision<VirtualMachineStatus> Problem(VmView view, string reason, string message)
    {
        var known = Conditions.Find(view.Vm.Status?.Conditions, VmPrintableStatus.Failure)?.Message == message;
        return new(
            VmPrintableStatus.Describe(view, view.Vm.Status ?? new(), (reason, message)),
            [],
            known ? [] : [new(Event.Warning, "FailedCreate", message)]);
    }

    private static VirtualMachineStatus Status(VmView view, List<StateChangeRequest> requests, StartFailure? failure) =>
        VmPrintableStatus.Describe(view, Before(view, requests, failure), null);

    /// <summary>As it was, but for what was decided.</summary>
    private static VirtualMachineStatus Before(VmView view, List<StateChangeRequest> requests, StartFailure? failure) => (view.Vm.Status ?? new()) with
    {
        StateChangeRequests = requests.Count == 0 ? null : requests,
        StartFailure = failure,
    };

    private static long? GracePeriod(List<StateChangeRequest> requests) =>
        requests.FirstOrDefault(static r => r.Action == StateChangeRequest.Stop)?.Data?.GetValueOrDefault("gracePeriodSeconds") is { } text
        && long.TryParse(text, out var seconds) && seconds >= 0 ? seconds : null;
}
