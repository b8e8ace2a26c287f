using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>Whether a clone's source can be read, or what it waits for.</summary>
/// <param name="Server">Its URL; null: not yet.</param>
internal sealed record CloneView(string? Server, string Reason, string Message)
{
    /// <summary>Reasons.</summary>
    public const string Absent = "CloneWithoutSource", NotReady = "CloneSourceNotReady";

    /// <param name="pod">That which serves the source's disk.</param>
    public static CloneView Of(Pod pod) => CloneSourcePod.ServerOf(pod) is { } server ? new(server, "", "")
        : ContainerTrouble.Of(pod) is { } trouble ? new(null, trouble.Reason, $"pod {pod.Metadata.Namespace}/{pod.Metadata.Name}, which serves the source's disk, does not start: {trouble.Message}")
        : Machines.Conditions.Find(pod.Status?.Conditions, InstanceStatus.PodScheduled) is { Status: Kubernetes.Resources.Condition.False } unscheduled
            ? new(null, unscheduled.Reason ?? "Unschedulable", $"pod {pod.Metadata.Namespace}/{pod.Metadata.Name}, which serves the source's disk, finds no node: {unscheduled.Message}")
        : new(null, ImportState.Creating, $"pod {pod.Metadata.Namespace}/{pod.Metadata.Name}, which serves the source's disk, is being started");
}
