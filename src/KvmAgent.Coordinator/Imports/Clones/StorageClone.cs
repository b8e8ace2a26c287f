using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>
/// Claims that the storage itself fills: pure functions. A claim says so when it is made, and never again; until it is filled it is not bound,
/// so that no pod sees it half done.
/// </summary>
internal static class StorageClone
{
    /// <summary>Of a StorageClass, in CDI's words: how claims of it are cloned.</summary>
    public const string Strategy = "cdi.kubevirt.io/clone-strategy";

    /// <summary>What that may be.</summary>
    public const string Copy = "copy", Csi = "csi-clone", Snapshot = "snapshot";

    /// <summary>Reason of a claim that is being filled.</summary>
    public const string Cloning = "CloneInProgress";

    /// <returns>How the storage fills the claim; null: it does not.</returns>
    public static string? TypeOf(PersistentVolumeClaim claim) =>
        claim.Spec?.DataSource is not null && claim.Metadata.Annotation(ImportAnnotations.CloneType) is { } type and (Csi or Snapshot) ? type : null;

    /// <summary>Whether nothing more is done for the claim before a pod uses it, which sees it whole.</summary>
    public static bool WaitsForPod(PersistentVolumeClaim claim) =>
        TypeOf(claim) is not null && claim.Status?.Phase != PersistentVolumeClaim.Bound && claim.Metadata.Annotation(ImportAnnotations.BoundReason) == StorageClass.WaitForFirstConsumer;

    /// <summary>The same for the same volume.</summary>
    public static string SnapshotName(DataVolume volume) => $"tmp-snapshot-{volume.Metadata.Uid}";

    /// <returns>The class for snapshots of what the driver has: its default, else the first.</returns>
    public static VolumeSnapshotClass? ClassFor(string? driver, IEnumerable<VolumeSnapshotClass> classes) => classes
        .Where(c => c.Driver == driver)
        .OrderBy(static c => c.Metadata.Annotation(VolumeSnapshotClass.IsDefault) == "true" ? 0 : 1)
        .ThenBy(static c => c.Metadata.Name, StringComparer.Ordinal)
        .FirstOrDefault();

    /// <summary>
    /// How the claim is filled: as the class says; where it says nothing by a snapshot, if its driver has a class for these. Where a driver
    /// cannot clone, no claim of it would ever be bound: so that is not tried unasked.
    /// </summary>
    /// <param name="wanted">The claim as it would be made to be copied into.</param>
    /// <param name="original">Of the same namespace.</param>
    /// <param name="storage">The original's class.</param>
    /// <param name="snapshots">See <see cref="ClassFor"/>.</param>
    public static string Choose(PersistentVolumeClaim wanted, PersistentVolumeClaim original, StorageClass? storage, VolumeSnapshotClass? snapshots) =>
        storage is null || !Fits(wanted, original, storage) || (IsBoundAtOnce(wanted) && storage.VolumeBindingMode == StorageClass.WaitForFirstConsumer) ? Copy : storage.Metadata.Annotation(Strategy) switch
        {
            Csi => Csi,
            Snapshot or null when snapshots is not null => Snapshot,
            _ => Copy,
        };

    /// <summary>Somebody has to use it first, then: an importer does.</summary>
    private static bool IsBoundAtOnce(PersistentVolumeClaim wanted) => wanted.Metadata.Annotation(ImportAnnotations.BindNow) is not null;

    /// <summary>Whether storage could fill the claim: the same class and mode, and room for all of the source.</summary>
    private static bool Fits(PersistentVolumeClaim wanted, PersistentVolumeClaim original, StorageClass storage)
    {
        var (size, least, has) = (Bytes(wanted.Spec?.Storage), Bytes(original.Spec?.Storage), CapacityOf(original));
        return (wanted.Spec?.StorageClassName ?? storage.Metadata.Name) == storage.Metadata.Name
            && ModeOf(wanted) == ModeOf(original)
            && size >= least && (size <= has || storage.AllowVolumeExpansion == true);
    }

    /// <returns>The claim as the storage fills it. One that is smaller than what the source's volume has would be refused by its driver.</returns>
    public static PersistentVolumeClaim Of(PersistentVolumeClaim wanted, PersistentVolumeClaim original) => Of(
        wanted, Csi, new ClaimDataSource(null, CoreKinds.PersistentVolumeClaims.Kind, original.Metadata.Name!), original.Spec!.StorageClassName, original.Spec.VolumeMode, CapacityOf(original));

    /// <summary>Likewise, of a snapshot.</summary>
    /// <param name="original">Of what the snapshot was made, if that is there.</param>
    /// <param name="storage">The class, where none is wanted.</param>
    /// <param name="mode">Likewise.</param>
    public static PersistentVolumeClaim Of(PersistentVolumeClaim wanted, VolumeSnapshot snapshot, PersistentVolumeClaim? original, string? storage, string? mode) => Of(
        wanted, Snapshot, new ClaimDataSource(CoreKinds.VolumeSnapshots.Group, CoreKinds.VolumeSnapshots.Kind, snapshot.Metadata.Name!),
        storage, mode, Math.Max(Bytes(snapshot.Status?.RestoreSize), original is null ? 0 : CapacityOf(original)));

    /// <summary>How far the claim is.</summary>
    /// <param name="storage">Its class.</param>
    public static ImportState StateOf(PersistentVolumeClaim claim, StorageClass? storage) =>
        claim.Status?.Phase == PersistentVolumeClaim.Bound ? new(ImportState.Succeeded, "Completed", "the storage has cloned it")
        : storage?.VolumeBindingMode == StorageClass.WaitForFirstConsumer
            ? new(ImportState.Pending, StorageClass.WaitForFirstConsumer, $"the storage clones it when the first pod uses it, as StorageClass {storage.Metadata.Name} says; start the machine")
        : new(ImportState.Pending, Cloning, $"the storage clones it from {claim.Spec!.DataSource!.Kind} {claim.Spec.DataSource.Name}; what holds it up is told by kubectl describe pvc {claim.Metadata.Name}");

    public static string ModeOf(PersistentVolumeClaim claim) => claim.Spec?.VolumeMode ?? PersistentVolumeClaim.Filesystem;

    private static PersistentVolumeClaim Of(PersistentVolumeClaim wanted, string type, ClaimDataSource source, string? storage, string? mode, long least) => wanted with
    {
        Metadata = wanted.Metadata with
        {
            Annotations = wanted.Metadata.Annotations!.Where(static a => a.Key != ImportAnnotations.CloneRequest).Append(new(ImportAnnotations.CloneType, type)).ToDictionary(),
        },
        Spec = wanted.Spec! with
        {
            StorageClassName = wanted.Spec.StorageClassName ?? storage,
            VolumeMode = wanted.Spec.VolumeMode ?? mode,
            DataSource = source,
            Resources = Bytes(wanted.Spec.Storage) >= least ? wanted.Spec.Resources : (wanted.Spec.Resources ?? new()) with
            {
                Requests = new Dictionary<string, Quantity>(wanted.Spec.Resources?.Requests ?? new Dictionary<string, Quantity>()) { ["storage"] = Quantity.OfBytes(least) },
            },
        },
    };

    private static long CapacityOf(PersistentVolumeClaim claim) =>
        Math.Max(Bytes(claim.Spec?.Storage), claim.Status?.Capacity?.TryGetValue("storage", out var has) == true ? Bytes(has) : 0);

    private static long Bytes(Quantity? size) => size is { } given && given.TryBytes(out var bytes) ? bytes : 0;
}
