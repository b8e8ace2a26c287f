using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Watches of two kinds are never of one moment, and either may be broken for a while. A recorded pod that is not seen, or a pod that is
/// not seen to be recorded, would end a guest that runs: so the server itself is asked before that is believed.
/// </summary>
internal sealed class SecondLook(KubernetesClient client, MachineCache cache)
{
    /// <returns>
    /// The instance and its pod, as good as they can be known; null where the instance is gone, or another. What is decided must be of this very
    /// pod: one that is seen only later was not held against the record.
    /// </returns>
    public async Task<(VirtualMachineInstance Instance, Pod? Pod)?> TakeAsync(VirtualMachineInstance instance, CancellationToken cancel)
    {
        // Of an adopted pod nothing is ended or made on what is not seen.
        if (VmiPhases.IsFinal(instance.Status?.Phase) || AdoptedPod.OwnerOf(instance) is not null)
        {
            return (instance, cache.PodOf(instance));
        }

        var (ns, name) = (instance.Metadata.Namespace!, PodTemplate.Name(instance));
        var pod = cache.PodOf(instance);
        if (pod is not null && !IsRecorded(instance, pod))
        {
            var current = await client.FindAsync(Kinds.VirtualMachineInstances, ns, instance.Metadata.Name!, cancel).ConfigureAwait(false);
            if (current is null || current.Metadata.Uid != instance.Metadata.Uid)
            {
                return null;
            }

            cache.Instances.Observe(current);
            instance = current;
        }

        if (instance.Status?.ActivePods is { Count: > 0 } && pod is null
            && await client.FindAsync(CoreKinds.Pods, ns, name, cancel).ConfigureAwait(false) is { } unseen && unseen.Metadata.Label(MachineLabels.Role) == MachineLabels.Launcher)
        {
            cache.Pods.Observe(unseen);
            pod = cache.PodOf(instance);
        }

        return (instance, pod);
    }

    private static bool IsRecorded(VirtualMachineInstance instance, Pod pod) => instance.Status?.ActivePods?.ContainsKey(pod.Metadata.Uid!) == true;
}
