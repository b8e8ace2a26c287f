using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// An object as it was at one resourceVersion, without apiVersion and kind. Never changed once made: writers clone, readers share, and it is
/// serialised once however many watch it.
/// </summary>
internal sealed class Stored
{
    private Dictionary<string, string>? _labels;
    private IReadOnlyList<Manager>? _managers;

    public Stored(JsonObject json, long version)
    {
        Version = version;
        Json = json;
        var metadata = json.Metadata();
        metadata["resourceVersion"] = version.ToString();
        Name = metadata.Text("name") ?? "";
        Namespace = metadata.Text("namespace") ?? "";
        Uid = metadata.Text("uid") ?? "";
        Bytes = json.Bytes();
    }

    public JsonObject Json { get; }

    public long Version { get; }

    public string Name { get; }

    public string Namespace { get; }

    public string Uid { get; }

    /// <summary>Without apiVersion and kind: as an item of a list.</summary>
    public byte[] Bytes { get; }

    public bool Deleting => Json.At("metadata", "deletionTimestamp") is not null;

    public IEnumerable<string> Finalizers => Json.Texts("metadata", "finalizers");

    public IEnumerable<JsonObject> Owners => Json.Array("metadata", "ownerReferences")?.OfType<JsonObject>() ?? [];

    public IReadOnlyDictionary<string, string> Labels => _labels ??= LabelsOf(Json);

    public IReadOnlyList<Manager> Managers => _managers ??= ManagedFields.Parse(Json.Array("metadata", "managedFields"));

    public ReadOnlyMemory<byte> AfterBrace => Bytes.AsMemory(1);

    /// <summary>The whole object as the given version has it.</summary>
    public JsonObject Full(ServedVersion version)
    {
        var full = new JsonObject { ["apiVersion"] = version.ApiVersion, ["kind"] = version.Type.Kind };
        foreach (var (name, value) in Json)
        {
            full[name] = value?.DeepClone();
        }

        return full;
    }

    public byte[] FullBytes(ServedVersion version) => [.. version.Prefix, .. AfterBrace.Span];

    public static Dictionary<string, string> LabelsOf(JsonNode? json) =>
        json.Object("metadata", "labels")?.ToDictionary(static l => l.Key, static l => l.Value.Text() ?? "") ?? [];
}
