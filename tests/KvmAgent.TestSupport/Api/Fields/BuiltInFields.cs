using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// A field of a built-in kind. The API's types name their lists alike wherever they stand, so the field's own name, with its parent's for
/// <c>ports</c>, tells enough; lists that are not here are atomic, as most are.
/// </summary>
internal sealed class BuiltInFields(string name, string parent = "") : FieldType
{
    private static readonly FrozenDictionary<string, string[]> MapLists = new Dictionary<string, string[]>
    {
        ["containers"] = ["name"],
        ["initContainers"] = ["name"],
        ["ephemeralContainers"] = ["name"],
        ["env"] = ["name"],
        ["volumes"] = ["name"],
        ["volumeMounts"] = ["mountPath"],
        ["volumeDevices"] = ["devicePath"],
        ["imagePullSecrets"] = ["name"],
        ["resourceClaims"] = ["name"],
        ["hostAliases"] = ["ip"],
        ["podIPs"] = ["ip"],
        ["conditions"] = ["type"],
        ["ownerReferences"] = ["uid"],
        ["topologySpreadConstraints"] = ["topologyKey", "whenUnsatisfiable"],
        ["secrets"] = ["name"],
        ["addresses"] = ["type"],
        ["versions"] = ["name"],
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> Sets = ((string[])["finalizers"]).ToFrozenSet();

    private static readonly FrozenSet<string> AtomicMaps = ((string[])
    [
        "selector", "labelSelector", "namespaceSelector", "nodeSelector", "configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "objectRef",
        "claimRef", "involvedObject", "secretRef", "targetRef", "roleRef", "dataSource", "schema",
    ]).ToFrozenSet();

    public override ListKind List { get; } =
        Sets.Contains(name) ? ListKind.Set : MapLists.ContainsKey(name) || IsPorts(name, parent) ? ListKind.Map : ListKind.Atomic;

    public override IReadOnlyList<string> Keys { get; } =
        IsPorts(name, parent) ? [parent == "spec" ? "port" : "containerPort", "protocol"] : MapLists.GetValueOrDefault(name, []);

    public override bool AtomicMap => AtomicMaps.Contains(name) || name == "ownerReferences[]";

    /// <summary>By what strategic merge tells items apart: one field, even where ownership takes two.</summary>
    public string? PatchMergeKey => Keys.Count == 0 ? null : Keys[0];

    public override FieldType Item => new BuiltInFields(name + "[]", parent);

    public override FieldType Field(string field) => new BuiltInFields(field, name.EndsWith("[]", StringComparison.Ordinal) ? name[..^2] : name);

    public override bool IsStructField(string name) => true;

    public override JsonNode? KeyDefault(string key) => key == "protocol" ? "TCP" : null;

    // An EndpointSlice's ports stand at the top, and are atomic.
    private static bool IsPorts(string name, string parent) => name == "ports" && parent is "containers" or "initContainers" or "spec";
}
