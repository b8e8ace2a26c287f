using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines;

/// <summary>
/// Whether a claim has its content already. Who fills one for a DataVolume says in annotations how far it is; a claim that nobody fills
/// is taken as it is. Where volume populators or the storage do the filling, a claim is bound to a filled volume or to none.
/// </summary>
internal static class ClaimContent
{
    public const string PopulatedFor = Prefix + "populatedFor";

    private const string Prefix = "cdi.kubevirt.io/storage.", UsePopulator = Prefix + "usePopulator";

    private const string DataVolume = "DataVolume";

    public static bool IsFilled(PersistentVolumeClaim claim)
    {
        var meta = claim.Metadata;
        var phase = ImportState.PhaseOf(claim);
        return phase == ImportState.Succeeded
            || meta.Annotation(PopulatedFor) is { Length: > 0 }
            || (meta.Annotation(UsePopulator) == "true" && claim.Status?.Phase == PersistentVolumeClaim.Bound)
            || StorageClone.WaitsForPod(claim)
            || (phase is null && meta.Controller?.Kind != DataVolume && !ImportAnnotations.IsAsked(meta));
    }

    /// <summary>Whether the last try to fill it failed; there may be another.</summary>
    public static bool HasFailed(PersistentVolumeClaim claim) => !IsFilled(claim) && ImportState.PhaseOf(claim) == ImportState.Failed;

    /// <summary>How far a claim is that is not filled, for people.</summary>
    public static string Describe(PersistentVolumeClaim claim)
    {
        var phase = ImportState.PhaseOf(claim) is { Length: > 0 } given ? $"in phase {given}" : "not there yet";
        var message = claim.Metadata.Annotation(ImportAnnotations.RunningMessage) is { Length: > 0 } words ? $" and says: {words}" : "";
        return $"PersistentVolumeClaim {claim.Metadata.Name} ({claim.Status?.Phase ?? "Pending"}) is not filled yet; its importer is {phase}{message}";
    }

    /// <summary>Of a claim's annotations those that are read here.</summary>
    public static IReadOnlyDictionary<string, string>? Annotations(ObjectMeta meta)
    {
        Dictionary<string, string>? kept = null;
        foreach (var (name, value) in meta.Annotations ?? new Dictionary<string, string>())
        {
            if (ImportAnnotations.IsRead(name))
            {
                (kept ??= [])[name] = value;
            }
        }

        return kept;
    }
}
