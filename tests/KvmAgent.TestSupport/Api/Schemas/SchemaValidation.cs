using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>An object against an OpenAPI v3 schema, as the API server reads one; every fault is reported.</summary>
internal sealed partial class SchemaValidation(CelRules rules)
{
    private readonly List<Cause> _causes = [];

    public static IReadOnlyList<Cause> Check(JsonNode root, JsonNode? old, JsonObject schema, CelRules rules)
    {
        var validation = new SchemaValidation(rules);
        validation.Check(root, old, schema, "");
        return validation._causes;
    }

    private void Check(JsonNode? node, JsonNode? old, JsonObject schema, string path)
    {
        if (node is null)
        {
            if (schema.Flag("nullable") != true && schema.Text("type") is { } wanted)
            {
                _causes.Add(Cause.Invalid(path, "\"null\"", $"{path} in body must be of type {wanted}: \"null\""));
            }

            return;
        }

        if (!HasType(node, schema))
        {
            var found = TypeOf(node);
            _causes.Add(new Cause(path, "FieldValueTypeInvalid", $"Invalid value: \"{found}\": {path} in body must be of type {schema.Text("type")}: \"{found}\""));
            return;
        }

        if (schema.Array("enum") is { } allowed && !allowed.Any(a => JsonNode.DeepEquals(a, node)))
        {
            _causes.Add(new Cause(path, "FieldValueNotSupported", $"Unsupported value: {Shown(node)}: supported values: {string.Join(", ", allowed.Select(Shown))}"));
        }

        switch (node)
        {
            case JsonObject map:
                CheckMap(map, old as JsonObject, schema, path);
                break;
            case JsonArray list:
                CheckList(list, old as JsonArray, schema, path);
                break;
            case JsonValue when node.GetValueKind() == JsonValueKind.String:
                CheckText(node.GetValue<string>(), schema, path);
                break;
            case JsonValue when node.GetValueKind() == JsonValueKind.Number:
                CheckNumber(node, schema, path);
                break;
        }

        CheckCombinations(node, schema, path);
        _causes.AddRange(rules.Broken(node, old, schema, path));
    }

    private void CheckMap(JsonObject map, JsonObject? old, JsonObject schema, string path)
    {
        foreach (var name in schema.Texts("required"))
        {
            // At the root these are there before anything is looked at.
            if (!map.ContainsKey(name) && !(path.Length == 0 && (name is "apiVersion" or "kind" or "metadata")))
            {
                _causes.Add(Cause.Required(Below(path, name)));
            }
        }

        foreach (var (name, value) in map)
        {
            if (!(path.Length == 0 && name == "metadata")
                && (schema.Object("properties", name) ?? schema["additionalProperties"] as JsonObject) is { } known)
            {
                Check(value, old.At(name), known, Below(path, name));
            }
        }

        Limit(map.Count, "Properties", "properties", schema, path);
    }

    private void CheckList(JsonArray list, JsonArray? old, JsonObject schema, string path)
    {
        var items = schema["items"] as JsonObject ?? [];
        var type = new SchemaFields(schema);
        var seen = new HashSet<string>();
        for (var i = 0; i < list.Count; i++)
        {
            var name = type.List == ListKind.Atomic ? null : type.ItemName(list[i]);
            if (name is not null && !seen.Add(name))
            {
                _causes.Add(new Cause($"{path}[{i}]", "FieldValueDuplicate", $"Duplicate value: {name[2..]}"));
            }

            // Items of lists that are replaced as one have no past.
            var before = name is null ? null : old?.FirstOrDefault(item => type.ItemName(item) == name);
            Check(list[i], before, items, $"{path}[{i}]");
        }

        Limit(list.Count, "Items", "items", schema, path);
        if (schema.Flag("uniqueItems") == true && list.DistinctBy(static item => item?.ToJsonString()).Count() < list.Count)
        {
            _causes.Add(Cause.Invalid(path, null, $"{path} in body shouldn't contain duplicates"));
        }
    }

    private void CheckCombinations(JsonNode node, JsonObject schema, string path)
    {
        foreach (var all in schema.Array("allOf")?.OfType<JsonObject>() ?? [])
        {
            Check(node, null, all, path);
        }

        bool Meets(JsonNode? other) => Check(node, null, other as JsonObject ?? [], rules).Count == 0;
        if (schema.Array("anyOf") is { } any && !any.Any(Meets))
        {
            _causes.Add(Cause.Invalid(path, "\"\"", $"{path} in body must validate at least one schema (anyOf)"));
        }

        if (schema.Array("oneOf") is { } one && one.Count(Meets) != 1)
        {
            _causes.Add(Cause.Invalid(path, "\"\"", $"{path} in body must validate one and only one schema (oneOf)"));
        }

        if (schema["not"] is JsonObject not && Meets(not))
        {
            _causes.Add(Cause.Invalid(path, "\"\"", $"{path} in body must not validate the schema (not)"));
        }
    }

    private static bool HasType(JsonNode node, JsonObject schema)
    {
        if (schema.Flag("x-kubernetes-int-or-string") == true)
        {
            return TypeOf(node) is "integer" or "string";
        }

        return schema.Text("type") is not { } wanted || TypeOf(node) == wanted || (wanted == "number" && TypeOf(node) == "integer");
    }

    private static string TypeOf(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => node.ToJsonString().AsSpan().ContainsAny(".eE") ? "number" : "integer",
    };

    private static string Shown(JsonNode? node) => node?.ToJsonString(Json.Compact) ?? "null";

    private static string Below(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
