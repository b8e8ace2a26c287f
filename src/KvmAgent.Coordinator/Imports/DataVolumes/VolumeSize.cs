using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <summary>
/// The size of a DataVolume that does not say it: that of the source's disk, which a pod looks up and the volume records, with the hash of
/// the request that it is the answer to. A hash without a size says that there is no answer to this request.
/// </summary>
internal static class VolumeSize
{
    public const string Detection = "SizeDetection";

    private const string Storage = "storage";

    /// <summary>The same for the same volume.</summary>
    public static string PodName(DataVolume volume) => PodParts.Name("inspector", volume.Metadata.Name!);

    /// <returns>The request to look at; null where the size is given, or nobody can look it up.</returns>
    public static ImportRequest? Wanted(DataVolume volume) =>
        volume.Spec is { Storage: { } storage } && storage.Resources?.Requests?.ContainsKey(Storage) != true
            && VolumeClaim.Request(volume) is { Request: { Endpoint: not null, CloneOf: null, ContentType: ImportRequest.Disk } request } ? request : null;

    /// <returns>The volume with its size; null where that is not recorded for the request.</returns>
    public static DataVolume? Sized(DataVolume volume, ImportRequest request) =>
        volume.Metadata.Annotation(ImportAnnotations.Request) == request.Hash()
            && long.TryParse(volume.Metadata.Annotation(ImportAnnotations.VirtualSize), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes > 0
            ? volume with { Spec = volume.Spec! with { Storage = VolumeClaim.WithSize(volume.Spec.Storage!, Quantity.OfBytes(bytes)) } }
            : null;

    /// <summary>Whether the request was looked at, there is no size, and why is told.</summary>
    public static bool IsUnknown(DataVolume volume, ImportRequest request) =>
        volume.Status?.Phase == DataVolumePhases.Failed && volume.Metadata.Annotation(ImportAnnotations.Request) == request.Hash() && volume.Metadata.Annotation(ImportAnnotations.VirtualSize) is null;

    /// <param name="bytes">Null: it is not known.</param>
    public static JsonObject Record(ImportRequest request, long? bytes) => new()
    {
        [ImportAnnotations.Request] = request.Hash(),
        [ImportAnnotations.VirtualSize] = bytes?.ToString(CultureInfo.InvariantCulture),
    };
}
