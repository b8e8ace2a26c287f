using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>Why a pod's containers do not start, in the kubelet's words.</summary>
internal sealed record ContainerTrouble(string Reason, string Message)
{
    /// <returns>Null where they run, or are only on their way.</returns>
    public static ContainerTrouble? Of(Pod pod) => (pod.Status?.AllContainerStatuses ?? [])
        .Select(static c => c.State?.Waiting)
        .Where(static w => w?.Reason is not (null or "ContainerCreating" or "PodInitializing"))
        .Select(static w => new ContainerTrouble(w!.Reason!, w.Message ?? w.Reason!))
        .FirstOrDefault();
}
