namespace KvmAgent.TestSupport.Api;

/// <summary>A path below <c>/api/v1</c> or <c>/apis/group/version</c>, taken apart.</summary>
internal sealed record RequestPath(string Group, string Version, string Namespace, string Plural, string Name, string Subresource)
{
    /// <returns>Null where the path is none of resources.</returns>
    public static RequestPath? Parse(string path)
    {
        var steps = path.Trim('/').Split('/').Select(Uri.UnescapeDataString).ToArray();
        var (group, version, rest) = steps switch
        {
            ["api", var v, .. var r] => ("", v, r),
            ["apis", var g, var v, .. var r] => (g, v, r),
            _ => ("", "", []),
        };
        return rest switch
        {
            [] => null,

            // A namespace itself, not what is in it.
            ["namespaces", var name, "status" or "finalize"] when group.Length == 0 => new(group, version, "", "namespaces", name, rest[2]),
            ["namespaces", var ns, var plural, .. var more] when more.Length <= 2 => new(group, version, ns, plural, more.ElementAtOrDefault(0) ?? "", more.ElementAtOrDefault(1) ?? ""),
            [var plural, .. var more] when more.Length <= 2 => new(group, version, "", plural, more.ElementAtOrDefault(0) ?? "", more.ElementAtOrDefault(1) ?? ""),
            _ => null,
        };
    }
}
