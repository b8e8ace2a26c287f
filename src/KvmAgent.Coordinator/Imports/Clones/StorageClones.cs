using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>The claim to be made for a DataVolume, or what it waits for before.</summary>
/// <param name="Claim">Null: not yet.</param>
/// <param name="Phase">Of the volume.</param>
internal sealed record ClaimToMake(PersistentVolumeClaim? Claim, string Phase, string Reason, string Message);

/// <summary>Whether the storage itself can make what a DataVolume wants, and when: decided before there is a claim, since that says how it is filled.</summary>
internal sealed class StorageClones(ImportCache cache, CloneAccess access)
{
    /// <param name="source">What the volume is filled from.</param>
    /// <param name="wanted">Its claim, as an importer would fill it; taken as it is where the storage cannot do it.</param>
    /// <param name="cancel">Ends the look.</param>
    public async Task<ClaimToMake> LookAsync(DataVolumeSource source, PersistentVolumeClaim wanted, CancellationToken cancel)
    {
        var asIs = new ClaimToMake(wanted, DataVolumePhases.Pending, "", "");
        var ns = wanted.Metadata.Namespace!;
        if (source.Pvc is not { } pvc || (pvc.Namespace ?? ns) != ns || pvc.Name == wanted.Metadata.Name)
        {
            return asIs;
        }

        var original = cache.Claims.Get(ns, pvc.Name);
        if (original is not null && StorageClone.Choose(wanted, original, ClassOf(original)) == StorageClone.Copy)
        {
            return asIs;
        }

        return await access.ObstacleAsync(wanted, new ClaimKey(ns, pvc.Name), cancel).ConfigureAwait(false) is { } obstacle
            ? new(null, DataVolumePhases.Pending, obstacle.Reason, obstacle.Message)
            : asIs with { Claim = StorageClone.Of(wanted, original!, ClassOf(original!)!) };
    }

    private StorageClass? ClassOf(PersistentVolumeClaim claim) => claim.Spec?.StorageClassName is { Length: > 0 } name ? cache.Classes.Get(null, name) : null;
}
