using System.Collections.Concurrent;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>The sources of clones: the pod that serves a claim's disk as long as it is needed.</summary>
internal sealed class CloneSources(KubernetesClient client, ImportCache cache, CloneAccess access, ImporterTurns turns, MachineOptions machines, CloneKeys keys)
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
            if (await access.ObstacleAsync(claim, source, cancel).ConfigureAwait(false) is { } obstacle)
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
}
