using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>How a machine is, for <c>kubectl get vm</c> and for programs.</summary>
internal static class VmPrintableStatus
{
    public const string Failure = "Failure", RestartRequired = "RestartRequired";

    private static readonly string[] Mirrored =
        [InstanceStatus.Paused, InstanceStatus.AgentConnected, InstanceStatus.LiveMigratable, InstanceStatus.PodScheduled, InstanceStatus.DataVolumesReady];

    private static readonly string[] Ours = [InstanceStatus.Ready, Failure, RestartRequired, InstanceStatus.Unrealised, .. Mirrored];

    /// <param name="status">What was decided already.</param>
    /// <param name="problem">Reason and message of what keeps the machine from starting.</param>
    public static VirtualMachineStatus Describe(VmView view, VirtualMachineStatus status, (string Reason, string Message)? problem)
    {
        var instance = problem is null ? view.Instance : null;
        var conditions = new Conditions(status.Conditions, Ours, view.Now);
        AddReady(conditions, instance);
        foreach (var condition in Mirrored.Select(t => Conditions.Find(instance?.Status?.Conditions, t)).OfType<Condition>())
        {
            conditions.Mirror(condition);
        }

        AddUnrealised(conditions, view, instance);
        if ((problem ?? InstanceProblem(instance)) is var (reason, message))
        {
            conditions.Set(Failure, true, reason, message);
        }
        else if (instance is null && status.StartFailure is not null && Conditions.Find(status.Conditions, Failure) is { } last)
        {
            // Until it is tried again, why it failed is all that there is to see.
            conditions.Mirror(last);
        }

        if (NeedsRestart(view, instance))
        {
            conditions.Set(RestartRequired, true, "RestartRequired", "the template was changed since the instance was started; restart the machine to apply it");
        }

        return status with
        {
            Created = instance is not null,
            Ready = Conditions.IsTrue(instance?.Status?.Conditions, InstanceStatus.Ready),
            PrintableStatus = Printable(view, status, instance),
            RunStrategy = view.Vm.Spec?.EffectiveRunStrategy,
            Conditions = conditions.All,
            ObservedGeneration = view.Vm.Metadata.Generation,
            DesiredGeneration = view.Vm.Metadata.Generation,
        };
    }

    private static void AddReady(Conditions conditions, VirtualMachineInstance? instance)
    {
        if (instance is null)
        {
            conditions.Set(InstanceStatus.Ready, false, "VMINotExists", "VMI does not exist");
        }
        else if (Conditions.Find(instance.Status?.Conditions, InstanceStatus.Ready) is { } ready)
        {
            conditions.Mirror(ready);
        }
        else
        {
            conditions.Set(InstanceStatus.Ready, false, "GuestNotRunning", "the guest does not run yet");
        }
    }

    /// <summary>The instance tells of its own fields; what its instancetype and preference say besides never came to be fields of it.</summary>
    private static void AddUnrealised(Conditions conditions, VmView view, VirtualMachineInstance? instance)
    {
        var own = Conditions.Find(instance?.Status?.Conditions, InstanceStatus.Unrealised);
        var sizes = instance is null ? [] : UnrealisedFields.Of(view.Instancetype).Concat(UnrealisedFields.Of(view.Preference)).ToList();
        if (sizes.Count > 0)
        {
            conditions.Set(InstanceStatus.Unrealised, true, "NotSupported", string.Join("; ", own?.Message is { } message ? sizes.Prepend(message) : sizes));
        }
        else if (own is not null)
        {
            conditions.Mirror(own);
        }
    }

    private static (string Reason, string Message)? InstanceProblem(VirtualMachineInstance? instance) =>
        Conditions.Find(instance?.Status?.Conditions, InstanceStatus.Synchronized) is { Status: Condition.False } problem
            ? (problem.Reason ?? "FailedCreate", problem.Message ?? "")
            : null;

    private static bool NeedsRestart(VmView view, VirtualMachineInstance? instance) =>
        instance is not null && view.Vm.Spec is not null && !VmiPhases.IsFinal(instance.Status?.Phase)
        && instance.Metadata.Annotation(MachineLabels.TemplateHash) is { } hash && hash != InstanceTemplate.Hash(view.Vm);

    /// <summary>KubeVirt's, in KubeVirt's order.</summary>
    private static string Printable(VmView view, VirtualMachineStatus status, VirtualMachineInstance? instance)
    {
        var phase = instance?.Status?.Phase;
        var ended = VmiPhases.IsFinal(phase);
        var conditions = instance?.Status?.Conditions;
        var reason = Conditions.Find(conditions, InstanceStatus.Synchronized)?.Reason;
        return view.Vm.Metadata.DeletionTimestamp is not null ? "Terminating"
            : instance is not null && !ended && (instance.Metadata.DeletionTimestamp is not null || WillStop(view, status, instance)) ? "Stopping"
            : instance is null && view.Pods.Count > 0 ? "Stopping"
            : phase == VmiPhases.Running && Conditions.IsTrue(conditions, InstanceStatus.Paused) ? "Paused"
            : phase == VmiPhases.Running ? "Running"
            : reason == PodProblem.ClaimNotFound ? "ErrorPvcNotFound"
            : Conditions.IsTrue(conditions, InstanceStatus.ProvisioningDisks) && !ended && view.Claims.Values.Any(ClaimContent.HasFailed) ? "DataVolumeError"
            : Conditions.Find(conditions, InstanceStatus.PodScheduled) is { Reason: "Unschedulable" } ? "ErrorUnschedulable"
            : Conditions.IsTrue(conditions, InstanceStatus.ProvisioningDisks) && !ended ? "Provisioning"
            : instance is not null && !ended && ClaimPending(view) ? "WaitingForVolumeBinding"
            : !ended && reason is "ErrImagePull" or "ImagePullBackOff" ? reason
            : instance is not null && !ended ? "Starting"
            : status.StartFailure is { ConsecutiveFailCount: > 0 } && StartsByItself(view) ? "CrashLoopBackOff"
            : WillStart(view, status, instance) ? VolumeTemplates.Missing(view).Count > 0 ? "Provisioning" : "Starting"
            : "Stopped";
    }

    private static bool WillStop(VmView view, VirtualMachineStatus status, VirtualMachineInstance instance) =>
        view.Vm.Spec?.EffectiveRunStrategy == RunStrategies.Halted
        || status.StateChangeRequests?.Any(r => r.Action == StateChangeRequest.Stop && r.Uid == instance.Metadata.Uid) == true;

    private static bool StartsByItself(VmView view) =>
        view.Vm.Spec?.EffectiveRunStrategy is RunStrategies.Always or RunStrategies.RerunOnFailure or RunStrategies.Once;

    private static bool WillStart(VmView view, VirtualMachineStatus status, VirtualMachineInstance? instance) => view.Vm.Spec?.EffectiveRunStrategy switch
    {
        RunStrategies.Always => true,
        RunStrategies.RerunOnFailure => instance?.Status?.Phase != VmiPhases.Succeeded,
        RunStrategies.Once => instance is null,
        RunStrategies.Manual => status.StateChangeRequests?.Any(static r => r.Action == StateChangeRequest.Start) == true,
        _ => false,
    };

    private static bool ClaimPending(VmView view) => (view.Vm.Spec?.Template.Spec.Volumes ?? [])
        .Select(static v => v.Claim)
        .Any(name => name is not null && view.Claims.GetValueOrDefault(name)?.Status?.Phase == "Pending");
}
