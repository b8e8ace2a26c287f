using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What the server says of itself, custom resources included.</summary>
internal static class Discovery
{
    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    public static JsonNode? Document(World world, string path, string address)
    {
        lock (world.Gate)
        {
            var served = world.Types.SelectMany(static t => t.Versions).Where(static v => v.Served).ToList();
            switch (path.Trim('/').Split('/'))
            {
                case ["api"]:
                    return new JsonObject
                    {
                        ["kind"] = "APIVersions",
                        ["versions"] = new JsonArray("v1"),
                        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = address }),
                    };
                case ["apis"]:
                    var groups = served.Where(static v => v.Type.Group.Length > 0).GroupBy(static v => v.Type.Group).Select(static g => (JsonNode)Group(g));
                    return new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. groups]) };
                case ["apis", var group]:
                    return served.Where(v => v.Type.Group == group).GroupBy(static v => v.Type.Group).Select(static g => Group(g, whole: true)).FirstOrDefault();
                case ["api", "v1"]:
                    return Resources("v1", served);
                case ["apis", var group, var version]:
                    return served.Any(v => v.ApiVersion == $"{group}/{version}") ? Resources($"{group}/{version}", served) : null;
                case ["version"]:
                    return new JsonObject { ["major"] = "1", ["minor"] = "34", ["gitVersion"] = "v1.34.0", ["platform"] = "linux/amd64" };
                default:
                    return null;
            }
        }
    }

    private static JsonObject Group(IGrouping<string, ServedVersion> group, bool whole = false)
    {
        var versions = group.Select(static v => v.Name).Distinct().OrderByDescending(static v => v.Contains("alpha", StringComparison.Ordinal) ? 0 : v.Contains("beta", StringComparison.Ordinal) ? 1 : 2).ToList();
        JsonObject Version(string name) => new() { ["groupVersion"] = $"{group.Key}/{name}", ["version"] = name };
        var json = new JsonObject
        {
            ["name"] = group.Key,
            ["versions"] = new JsonArray([.. versions.Select(Version)]),
            ["preferredVersion"] = Version(versions[0]),
        };
        if (whole)
        {
            json["kind"] = "APIGroup";
            json["apiVersion"] = "v1";
        }

        return json;
    }

    private static JsonObject Resources(string apiVersion, IEnumerable<ServedVersion> served)
    {
        var resources = new JsonArray();
        foreach (var version in served.Where(v => v.ApiVersion == apiVersion))
        {
            var type = version.Type;
            var resource = Resource(type, type.Plural, type.Kind, type.Virtual ? ["create"] : Verbs);
            resource["singularName"] = type.Singular;
            resource.Put("shortNames", type.ShortNames.Count == 0 ? null : Json.List(type.ShortNames));
            resource.Put("categories", type.Categories.Count == 0 ? null : Json.List(type.Categories));
            resources.Add(resource);
            if (version.Status)
            {
                resources.Add(Resource(type, type.Plural + "/status", type.Kind, ["get", "patch", "update"]));
            }

            foreach (var name in type.Subresources)
            {
                var kind = name switch { "binding" => "Binding", "eviction" => "Eviction", "token" => "TokenRequest", _ => type.Kind };
                resources.Add(Resource(type, $"{type.Plural}/{name}", kind, name == "finalize" ? ["update"] : ["create"]));
            }
        }

        return new JsonObject { ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = apiVersion, ["resources"] = resources };
    }

    private static JsonObject Resource(ResourceType type, string name, string kind, string[] verbs) => new()
    {
        ["name"] = name,
        ["singularName"] = "",
        ["namespaced"] = type.Namespaced,
        ["kind"] = kind,
        ["verbs"] = Json.List(verbs),
    };
}
