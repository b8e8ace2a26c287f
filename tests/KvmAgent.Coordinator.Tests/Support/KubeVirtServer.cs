using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The tests' own API server with the coordinator's kinds. Their CEL rules hold for everything: what they mean, a real server proves.</summary>
internal static class KubeVirtServer
{
    private static readonly IReadOnlyList<string> Rules = [.. CustomResourceDefinitions.All.SelectMany(static d => Find(d)).Distinct()];

    /// <summary>For a test that brings the kinds itself.</summary>
    public static TestApiServerOptions Options(params string[] namespaces) => new()
    {
        CelRules = Rules.ToDictionary(static rule => rule, static _ => (Func<JsonNode, JsonNode?, bool>)((_, _) => true)),
        Namespaces = ["default", "kube-system", .. namespaces],
    };

    public static async Task<TestApiServer> StartAsync(params string[] namespaces)
    {
        var server = await TestApiServer.StartAsync(Options(namespaces));
        await server.ApplyCrdsAsync(string.Join("---\n", CustomResourceDefinitions.All.Select(static d => YamlText.Of(d))));
        return server;
    }

    private static IEnumerable<string> Find(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e.Key == "x-kubernetes-validations" ? e.Value!.AsArray().Select(static r => (string)r!["rule"]!) : Find(e.Value)),
        JsonArray list => list.SelectMany(Find),
        _ => [],
    };
}
