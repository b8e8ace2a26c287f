using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// What Roles and ClusterRoles grant to one service account, as the filter of a user: what was refused, and what nobody asked for, is
/// remembered. As Kubernetes, but for what no careful role has: wildcards and aggregation.
/// </summary>
public sealed class RbacRules
{
    private static readonly string?[] AnyName = [null];

    private readonly List<Grant> _grants = [];
    private readonly ConcurrentDictionary<Grant, bool> _used = new();
    private readonly ConcurrentQueue<string> _refused = new();

    /// <param name="manifests">Roles and bindings; others are passed over.</param>
    public RbacRules(IEnumerable<JsonNode> manifests, string ns, string account)
    {
        var all = manifests.ToList();
        foreach (var binding in all.Where(b => (string?)b["kind"] is "RoleBinding" or "ClusterRoleBinding" && Names(b, ns, account)))
        {
            var scope = (string?)binding["kind"] == "ClusterRoleBinding" ? null : Namespace(binding, ns);
            var role = all.Single(r => (string?)r["kind"] == (string?)binding["roleRef"]!["kind"]
                && (string?)r["metadata"]!["name"] == (string?)binding["roleRef"]!["name"]
                && ((string?)r["kind"] == "ClusterRole" || Namespace(r, ns) == scope));
            _grants.AddRange(role["rules"]!.AsArray().SelectMany(rule => Grants(rule!, scope)));
        }
    }

    /// <param name="Namespace">Null: everywhere.</param>
    /// <param name="Name">Null: of every name.</param>
    private sealed record Grant(string? Namespace, string Verb, string Group, string Resource, string? Name)
    {
        public override string ToString() =>
            $"{Verb} {Resource}{(Group.Length == 0 ? "" : "." + Group)}{(Name is null ? "" : " " + Name)}{(Namespace is null ? "" : " in " + Namespace)}";
    }

    public IReadOnlyCollection<string> Refused => _refused;

    public IEnumerable<string> Unused => _grants.Where(g => !_used.ContainsKey(g)).Select(static g => g.ToString());

    public bool Allows(HttpRequest request)
    {
        if (RequestPath.Parse(request.Path) is not { } path)
        {
            // Discovery is open to all who are known.
            return true;
        }

        var verb = Verb(request, path);
        var resource = path.Subresource.Length == 0 ? path.Plural : $"{path.Plural}/{path.Subresource}";
        var granted = _grants.Where(g => g.Verb == verb && g.Group == path.Group && g.Resource == resource
            && (g.Namespace is null || g.Namespace == path.Namespace) && (g.Name is null || g.Name == path.Name)).ToList();
        granted.ForEach(g => _used[g] = true);
        if (granted.Count == 0)
        {
            _refused.Enqueue($"{verb} {resource}.{path.Group} {path.Name} in {path.Namespace}");
        }

        return granted.Count > 0;
    }

    private static bool Names(JsonNode binding, string ns, string account) => binding["subjects"]!.AsArray().Any(s =>
        (string?)s!["kind"] == "ServiceAccount" && (string?)s["name"] == account && (string?)s["namespace"] == ns);

    private static string Namespace(JsonNode obj, string ns) => (string?)obj["metadata"]!["namespace"] ?? ns;

    private static IEnumerable<Grant> Grants(JsonNode rule, string? scope) =>
        from @group in Texts(rule, "apiGroups")
        from resource in Texts(rule, "resources")
        from verb in Texts(rule, "verbs")
        from name in rule["resourceNames"] is null ? AnyName : Texts(rule, "resourceNames")
        select new Grant(scope, verb!, @group!, resource!, name);

    private static IEnumerable<string?> Texts(JsonNode rule, string field) => rule[field]!.AsArray().Select(static t => (string)t!);

    private static string Verb(HttpRequest request, RequestPath path) => request.Method switch
    {
        "GET" when request.Query["watch"] is ["true" or "1"] => "watch",
        "GET" => path.Name.Length > 0 ? "get" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => path.Name.Length > 0 ? "delete" : "deletecollection",
        var other => other,
    };
}
