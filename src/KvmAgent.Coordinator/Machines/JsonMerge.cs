using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Machines;

/// <summary>JSON merge patches (RFC 7396).</summary>
internal static class JsonMerge
{
    /// <returns>The patch that makes one of the other; null where they are the same. Lists are replaced whole.</returns>
    public static JsonObject? Difference(JsonObject from, JsonObject to)
    {
        var patch = new JsonObject();
        foreach (var (name, value) in to)
        {
            if (value is null)
            {
                continue;
            }

            var old = from[name];
            if (old is JsonObject before && value is JsonObject after)
            {
                if (Difference(before, after) is { } inner)
                {
                    patch[name] = inner;
                }
            }
            else if (!JsonNode.DeepEquals(old, value))
            {
                patch[name] = value.DeepClone();
            }
        }

        foreach (var (name, _) in from.Where(e => e.Value is not null && to[e.Key] is null))
        {
            patch[name] = null;
        }

        return patch.Count == 0 ? null : patch;
    }
}
