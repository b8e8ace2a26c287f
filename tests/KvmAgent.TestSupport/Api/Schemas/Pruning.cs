using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What a structural schema does to an object before it is looked at: unknown fields go, nulls go, defaults come.</summary>
internal static class Pruning
{
    private const string Preserve = "x-kubernetes-preserve-unknown-fields", Embedded = "x-kubernetes-embedded-resource";

    /// <returns>The paths of what was not known.</returns>
    public static List<string> Prune(JsonObject root, JsonObject schema)
    {
        var unknown = new List<string>();
        Prune(root, schema, "", unknown, isObject: true);
        return unknown;
    }

    public static void Default(JsonNode? node, JsonObject schema)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (name, value) in schema.Object("properties") ?? [])
                {
                    Default(map, name, value as JsonObject ?? []);
                }

                if (schema["additionalProperties"] is JsonObject all)
                {
                    foreach (var (name, value) in map)
                    {
                        if (schema.At("properties", name) is null)
                        {
                            Default(value, all);
                        }
                    }
                }

                break;
            case JsonArray list when schema["items"] is JsonObject items:
                foreach (var item in list)
                {
                    Default(item, items);
                }

                break;
        }
    }

    private static void Default(JsonObject map, string name, JsonObject schema)
    {
        if (map.TryGetPropertyValue(name, out var value) && value is null && schema.Flag("nullable") != true)
        {
            map.Remove(name);
        }

        if (!map.ContainsKey(name) && schema["default"] is { } preset)
        {
            map[name] = preset.DeepClone();
        }

        Default(map[name], schema);
    }

    private static void Prune(JsonNode? node, JsonObject schema, string path, List<string> unknown, bool isObject)
    {
        if (node is JsonArray list)
        {
            var at = 0;
            foreach (var item in list)
            {
                Prune(item, schema["items"] as JsonObject ?? [], $"{path}[{at++}]", unknown, false);
            }
        }
        else if (node is JsonObject map)
        {
            var embedded = isObject || schema.Flag(Embedded) == true;
            foreach (var name in map.Select(static p => p.Key).ToList())
            {
                var below = path.Length == 0 ? name : $"{path}.{name}";
                if (embedded && (name is "metadata" or "apiVersion" or "kind"))
                {
                    continue;
                }

                if ((schema.Object("properties", name) ?? schema["additionalProperties"] as JsonObject) is { } known)
                {
                    Prune(map[name], known, below, unknown, false);
                }
                else if (schema.Flag("additionalProperties") != true && schema.Flag(Preserve) != true)
                {
                    unknown.Add(below);
                    map.Remove(name);
                }
            }
        }
    }
}
