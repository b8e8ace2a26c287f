using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>The claim to be made for a DataVolume, or what it waits for before.</summary>
/// <param name="Claim">Null: not yet.</param>
/// <param name="Phase">Of the volume.</param>
internal sealed record ClaimToMake(PersistentVolumeClaim? Claim, string Phase, string Reason, string Message);

/// <summary>
/// Whether the storage itself can make what a DataVolume wants, and when: decided before there is a claim, since that says how it is filled.
/// The snapshots that it takes are made here, belong to the volume, and go when it is whole.
/// </summary>
internal sealed class StorageClones(KubernetesClient client, ImportCache cache, CloneAccess access)
{
    /// <summary>When to look again at a snapshot that is being made.</summary>
    public static readonly TimeSpan SnapshotRetry = TimeSpan.FromSeconds(2);

    /// <param name="volume">With its source, whoever named that.</param>
    /// <param name="wanted">Its claim, as an importer would fill it; taken as it is where the storage cannot do it.</param>
    /// <param name="cancel">Ends the look.</param>
    public async Task<ClaimToMake> LookAsync(DataVolume volume, PersistentVolumeClaim wanted, CancellationToken cancel)
    {
        var (ns, source) = (wanted.Metadata.Namespace!, volume.Spec!.Source!);
        if (source.Snapshot is { } snapshot)
        {
            return await LookAtSnapshotAsync(snapshot with { Namespace = snapshot.Namespace ?? ns }, wanted, cancel).ConfigureAwait(false);
        }

        if (source.Pvc is not { } pvc || (pvc.Namespace ?? ns) != ns || pvc.Name == wanted.Metadata.Name)
        {
            return Made(wanted);
        }

        var key = new ClaimKey(ns, pvc.Name);
        if (cache.Claims.Get(ns, pvc.Name) is not { } original)
        {
            return Waiting(CloneView.Absent, CloneAccess.AbsentMessage(key.ToString()));
        }

        var storage = cache.ClassOf(original);
        var snapshots = storage is null ? null : StorageClone.ClassFor(storage.Provisioner, await SnapshotClassesAsync(cancel).ConfigureAwait(false));
        var alike = VolumeClaim.AsItsSource(volume, original) ?? wanted;
        var type = StorageClone.Choose(alike, original, storage, snapshots);
        if (type == StorageClone.Copy)
        {
            return Made(wanted);
        }

        var taken = type == StorageClone.Snapshot
            ? await client.FindAsync(CoreKinds.VolumeSnapshots, ns, StorageClone.SnapshotName(volume), cancel).ConfigureAwait(false) : null;
        if (taken is null && await access.ObstacleAsync(wanted, key, cancel).ConfigureAwait(false) is { } obstacle)
        {
            return Waiting(obstacle.Reason, obstacle.Message);
        }

        if (type == StorageClone.Csi)
        {
            return Made(StorageClone.Of(alike, original));
        }

        taken ??= await client.CreateOrFindAsync(CoreKinds.VolumeSnapshots, Snapshot(volume, pvc.Name, snapshots!), cancel).ConfigureAwait(false);
        return taken.Metadata.Controller?.Uid != volume.Metadata.Uid
            ? Waiting("SnapshotNameTaken", $"VolumeSnapshot {taken.Metadata.Name} is not this volume's, but has its name; delete it")
            : taken.Status?.ReadyToUse == true ? Made(StorageClone.Of(alike, taken, original, original.Spec!.StorageClassName, original.Spec.VolumeMode))
            : new(null, DataVolumePhases.SnapshotInProgress, DataVolumePhases.SnapshotInProgress, Describe(taken));
    }

    /// <summary>Takes away what was made for the volume's sake.</summary>
    /// <param name="claim">The volume's, filled.</param>
    public Task EndAsync(DataVolume volume, PersistentVolumeClaim claim, CancellationToken cancel) =>
        StorageClone.TypeOf(claim) == StorageClone.Snapshot && claim.Spec!.DataSource!.Name == StorageClone.SnapshotName(volume)
            ? client.DeleteIfThereAsync(CoreKinds.VolumeSnapshots, claim.Metadata.Namespace, claim.Spec.DataSource.Name, null, cancel)
            : Task.CompletedTask;

    private async Task<ClaimToMake> LookAtSnapshotAsync(SourceObject source, PersistentVolumeClaim wanted, CancellationToken cancel)
    {
        if (source.Namespace != wanted.Metadata.Namespace)
        {
            return Waiting("SnapshotOfOtherNamespace",
                $"VolumeSnapshot {source.Namespace}/{source.Name} is in another namespace, and storage fills claims from snapshots of their own alone; make a DataVolume of it in {source.Namespace}, and clone its claim (source.pvc)");
        }

        VolumeSnapshot? snapshot;
        try
        {
            snapshot = await client.FindAsync(CoreKinds.VolumeSnapshots, source.Namespace, source.Name, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsKindUnknown)
        {
            return Waiting("SnapshotsUnknown", $"the cluster has no {CoreKinds.VolumeSnapshots.ApiVersion}; install its CustomResourceDefinitions and the snapshot controller, or clone a claim (source.pvc)");
        }

        if (snapshot is null)
        {
            return Waiting(CloneView.Absent, CloneAccess.AbsentMessage($"VolumeSnapshot {source.Namespace}/{source.Name}"));
        }

        if (snapshot.Status?.ReadyToUse != true)
        {
            return Waiting(CloneView.NotReady, Describe(snapshot));
        }

        var original = snapshot.Spec?.Source?.PersistentVolumeClaimName is { } name ? cache.Claims.Get(source.Namespace, name) : null;
        var content = snapshot.Status.BoundVolumeSnapshotContentName is { } bound
            ? await client.FindAsync(CoreKinds.VolumeSnapshotContents, null, bound, cancel).ConfigureAwait(false) : null;
        var (driver, mode) = (content?.Spec?.Driver, content?.Spec?.SourceVolumeMode ?? original?.Spec?.VolumeMode);
        var storage = wanted.Spec!.StorageClassName ?? original?.Spec?.StorageClassName
            ?? cache.Classes.List().Where(c => c.Provisioner == driver).Select(static c => c.Metadata.Name).Order(StringComparer.Ordinal).FirstOrDefault();
        if (storage is not null && driver is not null && cache.Classes.Get(null, storage) is { } there && there.Provisioner != driver)
        {
            return Waiting("SnapshotOfOtherDriver", $"VolumeSnapshot {source.Name} is {driver}'s, and StorageClass {storage} is {there.Provisioner}'s; name a class of {driver}");
        }

        var claim = StorageClone.Of(wanted, snapshot, original, storage, mode);
        if (mode is not null && mode != StorageClone.ModeOf(claim) && content?.Metadata.Annotation(VolumeSnapshotContent.AllowsOtherMode) != "true")
        {
            return Waiting("SnapshotOfOtherMode", $"VolumeSnapshot {source.Name} is of the volumeMode {mode}, and the claim would be of {StorageClone.ModeOf(claim)}; leave volumeMode out, or make a DataVolume of the snapshot without it, and clone its claim (source.pvc)");
        }

        return claim.Spec!.Storage is not null ? Made(claim)
            : Waiting("Invalid", $"VolumeSnapshot {source.Name} does not say how large it is; give spec.storage.resources.requests.storage");
    }

    /// <returns>None where the cluster has no snapshots.</returns>
    private async Task<IReadOnlyList<VolumeSnapshotClass>> SnapshotClassesAsync(CancellationToken cancel)
    {
        try
        {
            return (await client.ListAllAsync(CoreKinds.VolumeSnapshotClasses, null, null, cancel).ConfigureAwait(false)).Items;
        }
        catch (KubernetesException e) when (e.IsKindUnknown)
        {
            return [];
        }
    }

    private static VolumeSnapshot Snapshot(DataVolume volume, string claim, VolumeSnapshotClass snapshots) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = StorageClone.SnapshotName(volume),
            Namespace = volume.Metadata.Namespace,
            Labels = new Dictionary<string, string> { [ImportAnnotations.AppLabel] = ImportAnnotations.App },
            OwnerReferences = [Kinds.DataVolumes.OwnerOf(volume)],
        },
        Spec = new VolumeSnapshotSpec { VolumeSnapshotClassName = snapshots.Metadata.Name, Source = new VolumeSnapshotSource { PersistentVolumeClaimName = claim } },
    };

    private static ClaimToMake Made(PersistentVolumeClaim claim) => new(claim, DataVolumePhases.Pending, "", "");

    private static ClaimToMake Waiting(string reason, string message) => new(null, DataVolumePhases.Pending, reason, message);

    private static string Describe(VolumeSnapshot snapshot) =>
        $"VolumeSnapshot {snapshot.Metadata.Namespace}/{snapshot.Metadata.Name} is not ready to use yet{(snapshot.Status?.Error?.Message is { Length: > 0 } error ? $", and says: {error}" : "")}";
}
