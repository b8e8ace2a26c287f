using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>A group of the API.</summary>
/// <param name="Resources">What a version of it has.</param>
internal sealed record ApiGroup(string Name, IReadOnlyList<string> Versions, Func<string, JsonArray> Resources);

/// <summary>What the API server and clients ask before anything else: which resources there are, the version, whether all is well.</summary>
internal static class Discovery
{
    public static void Map(IEndpointRouteBuilder routes, IReadOnlyList<ApiGroup> groups)
    {
        Answer(routes, "/apis", () => new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. groups.Select(Group)]) });
        foreach (var group in groups)
        {
            Answer(routes, $"/apis/{group.Name}", () => Group(group));
            foreach (var version in group.Versions)
            {
                Answer(routes, $"/apis/{group.Name}/{version}", () => ResourceList($"{group.Name}/{version}", group.Resources(version)));
            }
        }

        foreach (var version in SubresourceApi.Versions)
        {
            var root = $"/apis/{SubresourceApi.Group}/{version}";
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

    public static void Answer(IEndpointRouteBuilder routes, string path, Func<JsonNode> body) => routes.MapGet(path, (HttpContext context) =>
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body().ToJsonString(), context.RequestAborted);
    });

    private static JsonObject ResourceList(string groupVersion, JsonArray resources) => new()
    {
        ["kind"] = "APIResourceList",
        ["apiVersion"] = "v1",
        ["groupVersion"] = groupVersion,
        ["resources"] = resources,
    };

    private static JsonObject Group(ApiGroup group) => new()
    {
        ["kind"] = "APIGroup",
        ["apiVersion"] = "v1",
        ["name"] = group.Name,
        ["versions"] = new JsonArray([.. group.Versions.Select(v => GroupVersion(group.Name, v))]),
        ["preferredVersion"] = GroupVersion(group.Name, group.Versions[0]),
    };

    private static JsonObject GroupVersion(string group, string version) => new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };

    public static JsonArray Resources(IReadOnlyList<Subresource> subresources) => new([.. subresources
        .GroupBy(static s => $"{s.Resource}/{s.Name}")
        .Select(static g => new JsonObject
        {
            ["name"] = g.Key,
            ["singularName"] = "",
            ["namespaced"] = true,
            ["kind"] = "",
            ["verbs"] = new JsonArray([.. g.Select(static s => s.Verb).Distinct().Select(static v => (JsonNode)v)]),
        })]);

    /// <summary>As virtctl reads it: a Kubernetes version.Info.</summary>
    public static JsonObject Version()
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
