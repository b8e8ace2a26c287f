using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.Sources;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <summary>
/// The source of a DataVolume that names a DataSource. What that came to is recorded on the volume before its claim is made, so that a later
/// change of the DataSource makes it no other volume's. The record says no more than spec.source could, and is worth no more: who clones
/// must ask what a writer of spec.source is asked.
/// </summary>
internal static class VolumeSourceRef
{
    private const string Recorded = "kvmagent.io/source", DataSource = "DataSource";

    /// <returns>What the volume's reference comes to now; null where it has none.</returns>
    public static SourceResolution? Resolve(DataVolume volume, Func<string, string, SourceResolution> resolve) => volume.Spec?.SourceRef switch
    {
        null => null,
        { Kind: DataSource } reference => resolve(reference.Namespace ?? volume.Metadata.Namespace!, reference.Name),
        var other => new(null, "Invalid", $"spec.sourceRef is of the kind \"{other.Kind}\"; only {DataSource} goes"),
    };

    /// <returns>The volume with its source in place of the reference; null where none is recorded.</returns>
    public static DataVolume? Sourced(DataVolume volume)
    {
        try
        {
            return volume.Metadata.Annotation(Recorded) is { } text && JsonSerializer.Deserialize(text, ApiJson.Default.DataVolumeSource) is { } source
                ? volume with { Spec = volume.Spec! with { SourceRef = null, Source = source } }
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static JsonObject Record(DataSourceSource source) => new()
    {
        [Recorded] = JsonSerializer.SerializeToNode(source, ApiJson.Default.DataSourceSource)!.ToJsonString(),
    };
}
