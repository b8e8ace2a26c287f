using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Agents;

/// <summary>The pod's UID must be one that an instance's status records as its own; names and labels prove nothing.</summary>
internal sealed class ClusterAdmission(PodTokens tokens, MachineCache cache)
{
    public async Task<AgentAdmission> AdmitAsync(string token, CancellationToken cancel)
    {
        var admission = await tokens.ReviewAsync(token, cancel).ConfigureAwait(false);
        return admission.Identity is { } pod && !cache.IsRecorded(pod.PodUid)
            ? AgentAdmission.Refuse($"pod {pod} ({pod.PodUid}) is no pod of a VirtualMachineInstance", known: true)
            : admission;
    }
}
