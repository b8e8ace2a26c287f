using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>For tests that leave the rules of their definitions to a real API server: each of them holds.</summary>
public static class AnyRule
{
    public static IReadOnlyDictionary<string, Func<JsonNode, JsonNode?, bool>> Of(IEnumerable<JsonNode?> definitions) =>
        definitions.SelectMany(Rules).Distinct().ToDictionary(static r => r, static _ => (Func<JsonNode, JsonNode?, bool>)((_, _) => true));

    private static IEnumerable<string> Rules(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e.Key == "x-kubernetes-validations"
            ? e.Value!.AsArray().Select(static r => (string)r!["rule"]!)
            : Rules(e.Value)),
        JsonArray list => list.SelectMany(Rules),
        _ => [],
    };
}
