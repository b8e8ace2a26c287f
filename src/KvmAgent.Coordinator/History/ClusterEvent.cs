using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.History;

/// <summary>An Event of the cluster's that is a machine's.</summary>
/// <param name="Source">Its UID.</param>
internal sealed record ClusterEvent(MachineKey Key, string Source, DateTimeOffset At, int Count, string Severity, string Reason, string Object, string? Message)
{
    /// <summary>The kinds whose Events are asked for.</summary>
    public static readonly IReadOnlyList<string> ObjectKinds = [Kinds.VirtualMachines.Kind, Kinds.VirtualMachineInstances.Kind, CoreKinds.Pods.Kind];

    /// <param name="pod">Finds a pod that is a machine's.</param>
    /// <returns>Null where it is none of a machine's.</returns>
    public static ClusterEvent? Of(Event e, Func<string, string, Pod?> pod, DateTimeOffset now)
    {
        var (ns, name) = (e.InvolvedObject.Namespace ?? e.Metadata.Namespace, e.InvolvedObject.Name);
        if (ns is null || name is null || e.Metadata.Uid is not { } source || KeyOf(e, ns, name, pod) is not { } key)
        {
            return null;
        }

        var first = e.FirstTimestamp ?? e.EventTime ?? e.Metadata.CreationTimestamp;
        return new ClusterEvent(
            key,
            source,
            e.Series?.LastObservedTime ?? e.LastTimestamp ?? first ?? now,
            e.Series?.Count ?? e.Count ?? 1,
            e.Type ?? Event.Normal,
            e.Reason ?? "",
            $"{e.InvolvedObject.Kind}/{name}",
            e.Message);
    }

    private static MachineKey? KeyOf(Event e, string ns, string name, Func<string, string, Pod?> pod)
    {
        if (e.InvolvedObject.Kind != CoreKinds.Pods.Kind)
        {
            return e.InvolvedObject.Kind == Kinds.VirtualMachines.Kind || e.InvolvedObject.Kind == Kinds.VirtualMachineInstances.Kind ? new MachineKey(ns, name) : null;
        }

        return pod(ns, name) is { } found && (e.InvolvedObject.Uid is null || found.Metadata.Uid == e.InvolvedObject.Uid) ? MachineCache.KeyOf(found) ?? AdoptedPod.KeyOf(found) : null;
    }
}
