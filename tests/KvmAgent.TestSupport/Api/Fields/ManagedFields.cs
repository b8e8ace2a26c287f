using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>One entry of <c>metadata.managedFields</c>.</summary>
internal sealed record Manager(string Name, string Operation, string ApiVersion, string Subresource, string? Time, FieldSet Fields)
{
    public const string Apply = "Apply", Update = "Update";

    // An applier stays the same when it goes on with another version.
    public bool Is(Manager other) =>
        Name == other.Name && Operation == other.Operation && Subresource == other.Subresource && (Operation == Apply || ApiVersion == other.ApiVersion);
}

/// <summary>Who owns which fields: read from an object, and worked out anew by each write.</summary>
internal static class ManagedFields
{
    private static readonly string[] System =
    [
        "f:name", "f:namespace", "f:creationTimestamp", "f:selfLink", "f:uid", "f:generation", "f:managedFields", "f:resourceVersion", "f:generateName",
        "f:deletionTimestamp", "f:deletionGracePeriodSeconds",
    ];

    public static IReadOnlyList<Manager> Parse(JsonArray? managedFields) =>
    [
        .. (managedFields ?? []).OfType<JsonObject>().Select(static m => new Manager(
            m.Text("manager") ?? "", m.Text("operation") ?? "", m.Text("apiVersion") ?? "", m.Text("subresource") ?? "", m.Text("time"),
            Root(FieldSet.Parse(m.Object("fieldsV1") ?? [])))),
    ];

    public static JsonArray? ToJson(IEnumerable<Manager> managers)
    {
        var list = new JsonArray([.. managers.Select(static m => ToJson(m))]);
        return list.Count == 0 ? null : list;
    }

    /// <summary>Without what the server alone writes.</summary>
    public static FieldSet WithoutSystem(FieldSet set)
    {
        set.Children.Remove("f:apiVersion");
        set.Children.Remove("f:kind");
        set.Owned = false;
        if (set.Children.TryGetValue("f:metadata", out var metadata))
        {
            metadata.Owned = false;
            foreach (var name in System)
            {
                metadata.Children.Remove(name);
            }

            if (metadata.Empty)
            {
                set.Children.Remove("f:metadata");
            }
        }

        return set;
    }

    /// <summary>After a write that was no apply: what it wrote is the writer's, and no one else's.</summary>
    public static IReadOnlyList<Manager> AfterUpdate(IReadOnlyList<Manager> managers, Manager writer, JsonNode? before, JsonNode after, FieldType type)
    {
        var comparison = Comparison.Of(before, after, type);
        var written = WithoutSystem(comparison.Written);
        var removed = WithoutSystem(comparison.Removed);
        if (written.Empty && removed.Empty)
        {
            return managers;
        }

        var own = managers.FirstOrDefault(m => m.Is(writer));
        var result = managers.Where(m => !m.Is(writer)).Select(m => m with { Fields = m.Fields.Minus(written).Minus(removed) }).ToList();
        var fields = (own?.Fields.Union(written) ?? written).Minus(removed);
        result.Add(own is not null && own.Fields.Same(fields) && own.Time is not null ? own : writer with { Fields = fields });
        return [.. result.Where(static m => !m.Fields.Empty)];
    }

    private static FieldSet Root(FieldSet set)
    {
        set.Owned = false;
        return set;
    }

    private static JsonObject ToJson(Manager manager)
    {
        var json = new JsonObject
        {
            ["manager"] = manager.Name,
            ["operation"] = manager.Operation,
            ["apiVersion"] = manager.ApiVersion,
            ["time"] = manager.Time,
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = manager.Fields.ToJson(),
        };
        json.Put("subresource", manager.Subresource.Length == 0 ? null : manager.Subresource);
        return json;
    }
}
