using System.Globalization;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>RFC 6902.</summary>
internal static class JsonPatch
{
    public static JsonNode? Apply(JsonNode? document, JsonArray patch)
    {
        // Below a holder, so that the whole document is a place as any other.
        var holder = new JsonObject { [""] = document };
        foreach (var step in patch)
        {
            var operation = step.Text("op") ?? throw Malformed("an operation has no op");
            var path = step.Text("path") ?? throw Malformed($"{operation} has no path");
            var value = step.At("value");
            switch (operation)
            {
                case "add":
                    Add(holder, path, value?.DeepClone());
                    break;
                case "remove":
                    Remove(holder, path);
                    break;
                case "replace":
                    Remove(holder, path);
                    Add(holder, path, value?.DeepClone());
                    break;
                case "move":
                    Add(holder, path, Remove(holder, step.Text("from") ?? throw Malformed("move has no from")));
                    break;
                case "copy":
                    Add(holder, path, Find(holder, step.Text("from") ?? throw Malformed("copy has no from"))?.DeepClone());
                    break;
                case "test" when JsonNode.DeepEquals(TryFind(holder, path), value):
                    break;
                case "test":
                    throw Failed($"testing value {path} failed");
                default:
                    throw Malformed($"Unexpected kind: {operation}");
            }
        }

        var result = holder[""];
        holder.Remove("");
        return result;
    }

    private static string[] Steps(string path) =>
        path.Length == 0 || path[0] == '/'
            ? [.. path.Split('/').Select(static s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : throw Malformed($"path {path} does not begin with /");

    private static JsonNode? TryFind(JsonNode holder, string path)
    {
        try
        {
            return Find(holder, path);
        }
        catch (ApiError)
        {
            return null;
        }
    }

    private static JsonNode? Find(JsonNode holder, string path) => Walk(holder, Steps(path), path);

    private static JsonNode? Walk(JsonNode node, ReadOnlySpan<string> steps, string path)
    {
        JsonNode? at = node;
        foreach (var step in steps)
        {
            at = at switch
            {
                JsonObject map when map.TryGetPropertyValue(step, out var value) => value,
                JsonArray list when Index(step) is { } index && index < list.Count => list[index],
                _ => throw Failed($"doc is missing path: {path}: missing value"),
            };
        }

        return at;
    }

    private static void Add(JsonNode holder, string path, JsonNode? value)
    {
        var steps = Steps(path);
        switch (Walk(holder, steps.AsSpan(0, steps.Length - 1), path))
        {
            case JsonObject map:
                map[steps[^1]] = value;
                break;
            case JsonArray list when steps[^1] == "-":
                list.Add(value);
                break;
            case JsonArray list when Index(steps[^1]) is { } index && index <= list.Count:
                list.Insert(index, value);
                break;
            default:
                throw Failed($"add operation does not apply: doc is missing path: \"{path}\": missing value");
        }
    }

    private static JsonNode? Remove(JsonNode holder, string path)
    {
        var steps = Steps(path);
        var value = Walk(holder, steps, path);
        switch (Walk(holder, steps.AsSpan(0, steps.Length - 1), path))
        {
            case JsonObject map:
                map.Remove(steps[^1]);
                break;
            case JsonArray list:
                list.RemoveAt(Index(steps[^1])!.Value);
                break;
        }

        return value;
    }

    private static int? Index(string step) => int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null;

    private static ApiError Malformed(string why) => ApiError.Unknown(400, "BadRequest", $"error decoding patch: {why}");

    // As the real one: an operation that does not apply is told apart from a malformed patch.
    private static ApiError Failed(string why) => new(422, "Invalid", $"the server rejected our request due to an error in our request: {why}");
}
