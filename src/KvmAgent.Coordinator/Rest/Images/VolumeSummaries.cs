using System.Globalization;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Rest.Images;

/// <summary>A claim and its DataVolume as one line. It reads what CDI's API says, and nothing of ours.</summary>
internal static class VolumeSummaries
{
    private const string Storage = "storage", Running = "Running", Bound = "Bound", Registry = "docker://";

    /// <returns>Null where there is neither.</returns>
    public static VolumeSummary? Of(string provider, PersistentVolumeClaim? claim, DataVolume? volume)
    {
        if ((claim?.Metadata ?? volume?.Metadata) is not { } metadata)
        {
            return null;
        }

        var asked = volume?.Spec?.Storage ?? volume?.Spec?.Pvc;
        return new VolumeSummary
        {
            Id = $"{metadata.Namespace}/{metadata.Name}",
            Provider = provider,
            Namespace = metadata.Namespace ?? "",
            Name = metadata.Name ?? "",
            Kind = volume is null ? CoreKinds.PersistentVolumeClaims.Kind : Kinds.DataVolumes.Kind,
            Phase = (volume is null ? claim!.Status?.Phase : volume.Status?.Phase) is { Length: > 0 } phase ? phase : DataVolumePhases.Pending,
            Percent = Percent(volume?.Status?.Progress),
            Message = volume is null || volume.Status?.Phase == DataVolumePhases.Succeeded ? null : Message(volume),
            SizeBytes = Bytes(Of(claim?.Status?.Capacity)) ?? Bytes(claim?.Spec?.Storage) ?? Bytes(Of(asked?.Resources?.Requests)),
            StorageClass = claim?.Spec?.StorageClassName ?? (asked?.Unknown?.TryGetValue("storageClassName", out var name) == true ? name.GetString() : null),
            VolumeMode = claim is null ? asked?.VolumeMode : claim.Spec?.VolumeMode ?? PersistentVolumeClaim.Filesystem,
            AccessModes = claim?.Spec?.AccessModes ?? asked?.AccessModes ?? [],
            Image = volume is null ? null : ImageOf(volume.Spec),
            CreatedAt = metadata.CreationTimestamp,
        };
    }

    /// <returns>The URL of what a DataVolume is filled with; null where its source is none that has one.</returns>
    public static string? ImageOf(DataVolumeSpec? spec) => (spec?.Source?.Http ?? spec?.Source?.S3 ?? spec?.Source?.Registry)?.Url;

    /// <returns>A container image's name as a URL.</returns>
    public static string ImageOf(string containerImage) => containerImage.Contains("://", StringComparison.Ordinal) ? containerImage : Registry + containerImage;

    private static string? Message(DataVolume volume) =>
        Find(volume, Running)?.Message is { Length: > 0 } running ? running : Find(volume, Bound)?.Message is { Length: > 0 } bound ? bound : null;

    private static Condition? Find(DataVolume volume, string type) => volume.Status?.Conditions?.FirstOrDefault(c => c.Type == type);

    private static Quantity? Of(IReadOnlyDictionary<string, Quantity>? resources) => resources?.TryGetValue(Storage, out var quantity) == true ? quantity : null;

    private static long? Bytes(Quantity? quantity) => quantity is { } given && given.TryBytes(out var bytes) ? bytes : null;

    private static double? Percent(string? progress) =>
        double.TryParse(progress?.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is >= 0 and <= 100 ? percent : null;
}
