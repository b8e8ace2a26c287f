using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>
/// The sources of clones: whether a claim may be read for another, from another namespace too, and by nobody written meanwhile; and the pod
/// that serves it as long as it is needed.
/// </summary>
internal sealed class CloneSources(KubernetesClient client, ImportCache cache, ImporterTurns turns, MachineOptions machines, CloneKeys keys)
{
    /// <summary>UIDs of pods that have their keys.</summary>
    private readonly ConcurrentDictionary<string, bool> _handed = [];

    /// <summary>Makes the serving pod where it can be.</summary>
    /// <param name="claim">The claim that is filled.</param>
    /// <param name="source">The claim that it shall be a copy of.</param>
    public async Task<CloneView> LookAsync(PersistentVolumeClaim claim, ClaimKey source, CancellationToken cancel)
    {
        var pod = cache.Pods.Get(source.Namespace, CloneSourcePod.Name(claim));
        if (pod is null)
        {
            if (await ObstacleAsync(claim, source, cancel).ConfigureAwait(false) is { } obstacle)
            {
                return obstacle;
            }

            var original = cache.Claims.Get(source.Namespace, source.Name)!;
            pod = await turns.CreateAsync(CloneSourcePod.Create(claim, original, machines, turns.Options, CloneKeys.NewName()), cancel).ConfigureAwait(false);
        }

        if (pod.Metadata.Annotation(CloneSourcePod.TargetUid) != claim.Metadata.Uid)
        {
            return new(null, "PodNameTaken", $"pod {source.Namespace}/{pod.Metadata.Name} is not this clone's, but has its name; delete it");
        }

        if (pod.Status?.Phase is ImportState.Failed or ImportState.Succeeded && pod.Metadata.DeletionTimestamp is null)
        {
            // Evicted, or its node was shut down: another takes its place.
            await turns.DeleteAsync(pod, cancel).ConfigureAwait(false);
        }

        await HandKeyAsync(pod, claim, cancel).ConfigureAwait(false);
        return CloneView.Of(pod);
    }

    /// <summary>Gives a pod the Secret that it names and waits for.</summary>
    public async Task HandKeyAsync(Pod pod, PersistentVolumeClaim claim, CancellationToken cancel)
    {
        if (pod.Metadata.DeletionTimestamp is not null || _handed.ContainsKey(pod.Metadata.Uid!))
        {
            return;
        }

        try
        {
            await client.CreateAsync(CoreKinds.Secrets, keys.Create(pod, claim.Metadata.Uid!), cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            // A former leader's, and the same.
        }

        _handed[pod.Metadata.Uid!] = true;
    }

    /// <summary>Ends what serves for a claim's sake.</summary>
    /// <param name="except">UID of the claim for which it serves on.</param>
    public async Task EndAsync(ClaimKey key, string? except, CancellationToken cancel)
    {
        foreach (var pod in cache.SourcesFor(key).Where(p => p.Metadata.DeletionTimestamp is null && p.Metadata.Annotation(CloneSourcePod.TargetUid) != except))
        {
            await turns.DeleteAsync(pod, cancel).ConfigureAwait(false);
            _handed.TryRemove(pod.Metadata.Uid!, out _);
        }
    }

    private async Task<CloneView?> ObstacleAsync(PersistentVolumeClaim claim, ClaimKey source, CancellationToken cancel)
    {
        if (source.Namespace != claim.Metadata.Namespace && !await IsAllowedAsync(claim.Metadata.Namespace!, source, cancel).ConfigureAwait(false))
        {
            return new(null, "CloneNotAuthorized",
                $"namespace {claim.Metadata.Namespace} may not clone {source}: its ServiceAccount default needs the verb create on datavolumes/source.cdi.kubevirt.io in namespace {source.Namespace}; bind the ClusterRole kubevirt.io:cloner to it there");
        }

        if (cache.Claims.Get(source.Namespace, source.Name) is not { } there)
        {
            return new(null, "CloneWithoutSource", $"the source, {source}, is not there; it is waited for");
        }

        if (there.Metadata.Uid == claim.Metadata.Uid)
        {
            return new(null, "CloneOfItself", $"the source, {source}, is the claim itself; name another");
        }

        if (there.Status?.Phase != PersistentVolumeClaim.Bound || !ClaimContent.IsFilled(there))
        {
            return new(null, "CloneSourceNotReady", ClaimContent.Describe(there));
        }

        var users = await UsersAsync(source, cancel).ConfigureAwait(false);
        return users.Count == 0 ? null : new(null, "CloneSourceInUse", $"the source, {source}, is in use by {string.Join(", ", users)}; it is waited until they have ended");
    }

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
