using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Adoption;

/// <summary>All that it rests on which pod of a name gets the instance.</summary>
/// <param name="Pods">Those that ask for the name.</param>
/// <param name="Shown">UIDs of those that an instance of another name records: theirs was changed later, and their instance stays.</param>
/// <param name="Instance">The instance of the name, whoever owns it.</param>
/// <param name="InstancePod">The pod that it was adopted from, while that is there.</param>
internal sealed record AdoptionView(
    MachineKey Key, IReadOnlyList<Pod> Pods, IReadOnlySet<string> Shown, VirtualMachineInstance? Instance, Pod? InstancePod);

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
        var waiting = view.Pods.Where(p => AdoptedPod.IsLive(p) && !view.Shown.Contains(p.Metadata.Uid!))
            .OrderBy(static p => p.Metadata.CreationTimestamp).ThenBy(static p => p.Metadata.Uid, StringComparer.Ordinal)
            .ToList();
        if (view.Instance is not { } instance)
        {
            return waiting is [var first, ..] ? new(first, AdoptedPod.InstanceOf(first, view.Key), []) : new(null, null, []);
        }

        var owner = AdoptedPod.OwnerOf(instance);
        // A former pod's goes with it, or has to go by itself: that is only waited for.
        var goes = instance.Metadata.DeletionTimestamp is not null || (owner is not null && view.InstancePod is not { Metadata.DeletionTimestamp: null });
        return goes
            ? new(null, null, [])
            : new(null, null, [.. waiting.Where(p => p.Metadata.Uid != owner?.Uid).Select(p => (p, new MachineEvent(Event.Warning, NameTaken, Taken(instance))))]);
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

    private static string Taken(VirtualMachineInstance instance)
    {
        var owner = instance.Metadata.Controller is { } controller ? $"{controller.Kind} {controller.Name}" : null;
        return $"VirtualMachineInstance {instance.Metadata.Name} is there already and belongs to {owner ?? "nobody"}, so the machine in this pod has none; "
            + $"delete {owner ?? "that one"}, or give the pod another name by its annotation {MachineLabels.Domain}";
    }
}
