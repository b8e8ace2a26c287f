using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>What the API server and clients ask before anything else: which resources there are, the version, whether all is well.</summary>
internal static class Discovery
{
    public static void Map(IEndpointRouteBuilder routes, IReadOnlyList<Subresource> subresources)
    {
        Answer(routes, "/apis", () => new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray(Group()) });
        Answer(routes, $"/apis/{SubresourceApi.Group}", Group);
        foreach (var version in SubresourceApi.Versions)
        {
            var root = $"/apis/{SubresourceApi.Group}/{version}";
            Answer(routes, root, () => Resources(version, subresources));
            Answer(routes, $"{root}/version", Version);
            Answer(routes, $"{root}/healthz", static () => new JsonObject { ["apiserver"] = new JsonObject { ["connectivity"] = "ok" } });
        }

        // The API server merges it into its own; these paths need no schemas there.
        Answer(routes, "/openapi/v2", static () => new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = new JsonObject { ["title"] = SubresourceApi.Group, ["version"] = "v1" },
            ["paths"] = new JsonObject(),
        });
        Answer(routes, "/openapi/v3", static () => new JsonObject { ["paths"] = new JsonObject() });
    }

    private static void Answer(IEndpointRouteBuilder routes, string path, Func<JsonNode> body) => routes.MapGet(path, (HttpContext context) =>
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body().ToJsonString(), context.RequestAborted);
    });

    private static JsonObject Group()
    {
        JsonArray versions = [.. SubresourceApi.Versions.Select(static v => GroupVersion(v))];
        return new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = SubresourceApi.Group,
            ["versions"] = versions,
            ["preferredVersion"] = GroupVersion(SubresourceApi.Versions[0]),
        };
    }

    private static JsonObject GroupVersion(string version) => new() { ["groupVersion"] = $"{SubresourceApi.Group}/{version}", ["version"] = version };

    private static JsonObject Resources(string version, IReadOnlyList<Subresource> subresources) => new()
    {
        ["kind"] = "APIResourceList",
        ["apiVersion"] = "v1",
        ["groupVersion"] = $"{SubresourceApi.Group}/{version}",
        ["resources"] = new JsonArray([.. subresources
            .GroupBy(static s => $"{s.Resource}/{s.Name}")
            .Select(static g => new JsonObject
            {
                ["name"] = g.Key,
                ["singularName"] = "",
                ["namespaced"] = true,
                ["kind"] = "",
                ["verbs"] = new JsonArray([.. g.Select(static s => s.Verb).Distinct().Select(static v => (JsonNode)v)]),
            })]),
    };

    /// <summary>As virtctl reads it: a Kubernetes version.Info.</summary>
    private static JsonObject Version()
    {
        var version = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);
        return new JsonObject
        {
            ["gitVersion"] = $"v{version}",
            ["gitCommit"] = "",
            ["gitTreeState"] = "clean",
            ["buildDate"] = "",
            ["goVersion"] = "",
            ["compiler"] = "",
            ["platform"] = "linux/amd64",
        };
    }
}
