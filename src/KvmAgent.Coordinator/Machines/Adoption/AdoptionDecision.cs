using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Adoption;

/// <summary>All that it rests on which pod of a name gets the instance.</summary>
/// <param name="Pods">Those that ask for the name.</param>
/// <param name="Shown">UIDs of those that an instance of another name records: theirs was changed later, and their instance stays.</param>
/// <param name="Instance">The instance of the name, whoever owns it.</param>
/// <param name="InstancePod">The pod that it was adopted from, while that is there.</param>
/// <param name="IsMachines">Whether there is a VirtualMachine of the name, which its instance is kept for also while it is stopped.</param>
internal sealed record AdoptionView(
    MachineKey Key, IReadOnlyList<Pod> Pods, IReadOnlySet<string> Shown, VirtualMachineInstance? Instance, Pod? InstancePod, bool IsMachines = false);

/// <param name="Adopted">The pod that gets an instance now.</param>
/// <param name="Told">What shall be told of pods that get none.</param>
internal sealed record AdoptionPlan(Pod? Adopted, VirtualMachineInstance? Instance, IReadOnlyList<(Pod Pod, MachineEvent Event)> Told);

/// <summary>
/// Which linked pod is shown by the instance of a name, and how that instance is.
///
///     a live pod, no instance of its name ── made, owned by the pod ── the pod's UID recorded in activePods ── follows pod and agent
///                                                                          the pod is gone: so is the instance, by the garbage collector
///
/// An instance that is there already is never touched, whosever it is: the pod is told of it, and gets its own once that one is gone. What
/// somebody else wrote in an instance (label, owner) makes it at most show a pod which asks for that very name and has no instance yet.
/// </summary>
internal static class AdoptionDecision
{
    public const string NameTaken = "NameTaken";

    public static AdoptionPlan Adopt(AdoptionView view)
    {
        var owner = view.Instance is null ? null : AdoptedPod.OwnerOf(view.Instance);
        var waiting = view.Pods.Where(p => AdoptedPod.IsLive(p) && p.Metadata.Uid != owner?.Uid && !view.Shown.Contains(p.Metadata.Uid!))
            .OrderBy(static p => p.Metadata.CreationTimestamp).ThenBy(static p => p.Metadata.Uid, StringComparer.Ordinal)
            .ToList();
        if (waiting.Count == 0)
        {
            return new(null, null, []);
        }

        if (view.IsMachines)
        {
            return Tell(waiting, $"the name {view.Key.Name} is that of a VirtualMachine", $"VirtualMachine {view.Key.Name}");
        }

        if (view.Instance is not { } instance)
        {
            return new(waiting[0], AdoptedPod.InstanceOf(waiting[0], view.Key), []);
        }

        // A former pod's goes with it, or has to go by itself: that is only waited for.
        if (instance.Metadata.DeletionTimestamp is not null || (owner is not null && view.InstancePod is not { Metadata.DeletionTimestamp: null }))
        {
            return new(null, null, []);
        }

        var whose = instance.Metadata.Controller is { } controller ? $"{controller.Kind} {controller.Name}" : null;
        return Tell(waiting, $"VirtualMachineInstance {view.Key.Name} is there already and belongs to {whose ?? "nobody"}", whose ?? "that one");
    }

    /// <summary>For an instance that was adopted from a pod, of which nothing is ever made or deleted here.</summary>
    public static Decision<VmiStatus> Follow(InstanceView view)
    {
        var status = view.Instance.Status ?? new VmiStatus();
        if (VmiPhases.IsFinal(status.Phase) || view.Pod is not { } pod)
        {
            return new(status, [], []);
        }

        if (status.ActivePods?.ContainsKey(pod.Metadata.Uid!) != true
            && AdoptedPod.KeyOf(pod) != new MachineKey(view.Instance.Metadata.Namespace!, view.Instance.Metadata.Name!))
        {
            return new(InstanceStatus.Waiting(view, "NotOfThisPod", $"pod {pod.Metadata.Name} does not ask for an instance of this name; delete the instance"), [], []);
        }

        return InstanceDecision.Follow(view);
    }

    private static AdoptionPlan Tell(IEnumerable<Pod> pods, string why, string inTheWay)
    {
        var message = $"{why}, so the machine in this pod has no instance; delete {inTheWay}, or give the pod another name by its annotation {MachineLabels.Domain}";
        return new(null, null, [.. pods.Select(p => (p, new MachineEvent(Event.Warning, NameTaken, message)))]);
    }
}
