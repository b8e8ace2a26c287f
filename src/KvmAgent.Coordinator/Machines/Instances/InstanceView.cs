using KvmAgent.Contracts;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>All that a decision about an instance rests on.</summary>
/// <param name="Pod">The pod of its name, whoever made it; or the one that it was adopted from.</param>
/// <param name="OtherPods">Pods of earlier instances of this name that are still there.</param>
/// <param name="Claims">Those that it names and that are there, by name.</param>
/// <param name="Agent">Null while no agent of its pod has a link.</param>
/// <param name="LinkExpected">Whether agents are told to dial.</param>
internal sealed record InstanceView(
    VirtualMachineInstance Instance,
    Pod? Pod,
    IReadOnlyList<Pod> OtherPods,
    IReadOnlyDictionary<string, PersistentVolumeClaim> Claims,
    AgentView? Agent,
    DateTimeOffset Now,
    bool LinkExpected = false)
{
    /// <summary>Its pod was there first, and its spec says nothing of the machine.</summary>
    public bool IsAdopted => AdoptedPod.OwnerOf(Instance) is not null;
}

/// <summary>What the agent last said.</summary>
internal sealed record AgentView(string PodUid, VmStatus Status);
