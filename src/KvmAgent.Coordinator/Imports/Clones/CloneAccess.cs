using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>Whether a claim may be read for another, from another namespace too, and is whole and written by nobody.</summary>
internal sealed class CloneAccess(KubernetesClient client, ImportCache cache)
{
    /// <param name="claim">The claim that is to be a copy; one that is not made yet has no UID.</param>
    /// <param name="source">The claim that it shall be a copy of.</param>
    /// <returns>What it waits for; null: nothing.</returns>
    public async Task<CloneView?> ObstacleAsync(PersistentVolumeClaim claim, ClaimKey source, CancellationToken cancel)
    {
        if (source.Namespace != claim.Metadata.Namespace && !await IsAllowedAsync(claim.Metadata.Namespace!, source, cancel).ConfigureAwait(false))
        {
            return new(null, "CloneNotAuthorized",
                $"namespace {claim.Metadata.Namespace} may not clone {source}: its ServiceAccount default needs the verb create on datavolumes/source.cdi.kubevirt.io in namespace {source.Namespace}; bind the ClusterRole kubevirt.io:cloner to it there");
        }

        if (cache.Claims.Get(source.Namespace, source.Name) is not { } there)
        {
            return new(null, CloneView.Absent, AbsentMessage(source.ToString()));
        }

        if (there.Metadata.Uid == claim.Metadata.Uid)
        {
            return new(null, "CloneOfItself", $"the source, {source}, is the claim itself; name another");
        }

        if (there.Status?.Phase != PersistentVolumeClaim.Bound || !ClaimContent.IsFilled(there))
        {
            return new(null, CloneView.NotReady, ClaimContent.Describe(there));
        }

        var users = await UsersAsync(source, cancel).ConfigureAwait(false);
        return users.Count == 0 ? null : new(null, "CloneSourceInUse", $"the source, {source}, is in use by {string.Join(", ", users)}; it is waited until they have ended");
    }

    public static string AbsentMessage(string source) => $"the source, {source}, is not there; it is waited for";

    private async Task<bool> IsAllowedAsync(string ns, ClaimKey source, CancellationToken cancel)
    {
        var answer = await client.ReviewAccessAsync(
            new SubjectAccessReviewSpec
            {
                User = $"system:serviceaccount:{ns}:default",
                Groups = ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"],
                ResourceAttributes = new ResourceAttributes
                {
                    Verb = "create",
                    Group = Kinds.DataVolumes.Group,
                    Version = Kinds.DataVolumes.Version,
                    Namespace = source.Namespace,
                    Resource = Kinds.DataVolumes.Plural,
                    Subresource = "source",
                    Name = source.Name,
                },
            },
            cancel).ConfigureAwait(false);
        return answer.Allowed;
    }

    /// <summary>Pods that may write to it.</summary>
    private async Task<IReadOnlyList<string>> UsersAsync(ClaimKey source, CancellationToken cancel)
    {
        var pods = await client.ListAllAsync(CoreKinds.Pods, source.Namespace, null, cancel).ConfigureAwait(false);
        return
        [
            .. pods.Items
                .Where(p => p.Status?.Phase is not (ImportState.Succeeded or ImportState.Failed) && !CloneSourcePod.Is(p)
                    && (p.Spec?.Volumes ?? []).Any(v => Writes(v, source.Name)))
                .Select(static p => $"pod {p.Metadata.Name}")
                .Order(StringComparer.Ordinal),
        ];
    }

    private static bool Writes(Volume volume, string claim) =>
        volume.Source?.TryGetValue("persistentVolumeClaim", out var source) == true && JsonObject.Create(source) is { } used
        && (string?)used["claimName"] == claim && (bool?)used["readOnly"] != true;
}
