using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Disks;

/// <summary>What the VM's own disk was made on, kept beside it: a base that changes under an overlay is silent corruption.</summary>
/// <param name="Base">The base's file name; null for a blank disk.</param>
/// <param name="Digest">The base's <c>sha256:…</c>.</param>
internal sealed record OverlayRecord(string? Base, string? Digest)
{
    /// <returns>Null where there is no record.</returns>
    /// <exception cref="AgentException">The record cannot be understood.</exception>
    public static OverlayRecord? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize(stream, OverlayRecordJson.Default.OverlayRecord);
        }
        catch (JsonException e)
        {
            throw new AgentException(FailureReason.Refused, $"{path} is damaged: {e.Message}; remove it to use the disk beside it as it is", e);
        }
    }

    public void Write(string path) =>
        DurableFile.Write(path, stream => JsonSerializer.Serialize(stream, this, OverlayRecordJson.Default.OverlayRecord));
}

[JsonSerializable(typeof(OverlayRecord))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class OverlayRecordJson : JsonSerializerContext;
