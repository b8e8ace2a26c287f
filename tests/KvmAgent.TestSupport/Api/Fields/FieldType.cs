using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

internal enum ListKind
{
    /// <summary>Replaced as one.</summary>
    Atomic,

    /// <summary>Of values, each there once.</summary>
    Set,

    /// <summary>Of objects that some of their fields tell apart.</summary>
    Map,
}

/// <summary>What merging and ownership must know of a field.</summary>
internal class FieldType
{
    /// <summary>Of what no schema says anything: maps are merged, lists are replaced.</summary>
    public static FieldType Deduced { get; } = new();

    public virtual ListKind List => ListKind.Atomic;

    public virtual IReadOnlyList<string> Keys => [];

    public virtual bool AtomicMap => false;

    public virtual FieldType Item => Deduced;

    public virtual FieldType Field(string name) => Deduced;

    /// <summary>Whether the field is a struct's; a map's keys are owned for themselves.</summary>
    public virtual bool IsStructField(string name) => false;

    /// <summary>What a key is where an item leaves it out.</summary>
    public virtual JsonNode? KeyDefault(string key) => null;

    /// <summary>How fieldsV1 names an item of a set or map list.</summary>
    public string? ItemName(JsonNode? item)
    {
        if (List == ListKind.Set)
        {
            return "v:" + (item?.ToJsonString(Json.Compact) ?? "null");
        }

        var keys = new JsonObject();
        foreach (var key in Keys.Order(StringComparer.Ordinal))
        {
            if ((item.At(key) ?? KeyDefault(key)) is { } value)
            {
                keys[key] = value.DeepClone();
            }
        }

        return keys.Count == 0 ? null : "k:" + keys.ToJsonString(Json.Compact);
    }
}

/// <summary>A field of a custom resource: what its schema's x-kubernetes-* say.</summary>
internal sealed class SchemaFields(JsonObject schema, bool root = false) : FieldType
{
    private readonly Dictionary<string, FieldType> _fields = [];
    private FieldType? _item;

    public override ListKind List { get; } = schema.Text("x-kubernetes-list-type") switch
    {
        "set" => ListKind.Set,
        "map" => ListKind.Map,
        _ => ListKind.Atomic,
    };

    public override IReadOnlyList<string> Keys { get; } = [.. schema.Texts("x-kubernetes-list-map-keys")];

    public override bool AtomicMap { get; } = schema.Text("x-kubernetes-map-type") == "atomic";

    public override FieldType Item => _item ??= schema["items"] is JsonObject items ? new SchemaFields(items) : Deduced;

    public override FieldType Field(string name)
    {
        lock (_fields)
        {
            if (!_fields.TryGetValue(name, out var field))
            {
                _fields[name] = field = Find(name);
            }

            return field;
        }
    }

    public override bool IsStructField(string name) => schema.Object("properties")?.ContainsKey(name) ?? root;

    public override JsonNode? KeyDefault(string key) => schema.At("items", "properties", key, "default");

    private FieldType Find(string name)
    {
        if (root && name == "metadata")
        {
            return new BuiltInFields("metadata");
        }

        return (schema.Object("properties", name) ?? schema["additionalProperties"] as JsonObject) is { } known ? new SchemaFields(known) : Deduced;
    }
}
