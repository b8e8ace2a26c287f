using KvmAgent.Coordinator.Agents;

namespace KvmAgent.Coordinator.Imports;

/// <summary>Importers: the pod's UID must be one that a claim records as its importer's; names and labels prove nothing.</summary>
internal sealed class ImporterAdmission(PodTokens tokens, ImportCache cache)
{
    public async Task<AgentAdmission> AdmitAsync(string token, CancellationToken cancel)
    {
        var admission = await tokens.ReviewAsync(token, cancel).ConfigureAwait(false);
        return admission.Identity is { } pod && cache.ClaimOf(pod) is null
            ? AgentAdmission.Refuse($"pod {pod} ({pod.PodUid}) is no importer that a claim records", known: true)
            : admission;
    }
}
