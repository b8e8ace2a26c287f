using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>RFC 7386.</summary>
public static class MergePatch
{
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target as JsonObject ?? [];
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                result.Remove(name);
            }
            else if (value is JsonObject)
            {
                var old = result[name];
                result.Remove(name);
                result[name] = Apply(old, value);
            }
            else
            {
                result[name] = value.DeepClone();
            }
        }

        return result;
    }
}
