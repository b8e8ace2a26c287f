using System.Text;
using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>A kind of object: what requests may do with it, and where its objects are.</summary>
internal sealed class ResourceType(string group, string plural, string kind, bool namespaced)
{
    public string Group => group;

    public string Plural => plural;

    public string Kind => kind;

    public bool Namespaced => namespaced;

    /// <summary>As errors name it: <c>pods</c>, <c>virtualmachines.kubevirt.io</c>.</summary>
    public string Qualified => group.Length == 0 ? plural : $"{plural}.{group}";

    public string ListKind { get; init; } = kind + "List";

    public string Singular { get; init; } = kind.ToLowerInvariant();

    public IReadOnlyList<string> ShortNames { get; set; } = [];

    public IReadOnlyList<string> Categories { get; set; } = [];

    /// <summary>Defined by a CustomResourceDefinition.</summary>
    public bool Custom { get; init; }

    /// <summary>Whether <c>metadata.generation</c> counts the changes of the spec.</summary>
    public bool Generations { get; init; }

    /// <summary>Whether it can be replaced without a resourceVersion.</summary>
    public bool UnconditionalUpdate { get; init; } = true;

    /// <summary>Whether a PUT of what is not there creates it.</summary>
    public bool CreateOnUpdate { get; init; }

    /// <summary>Only POST, nothing is kept: reviews.</summary>
    public bool Virtual { get; init; }

    /// <summary>Its deletion answers with the object rather than with a Status.</summary>
    public bool ReturnsDeleted { get; init; }

    /// <summary>Names of one DNS label rather than a subdomain, or (rbac) of one path segment.</summary>
    public NameRule Names { get; init; } = NameRule.Subdomain;

    /// <summary>Fields at the top but metadata; null where a schema tells.</summary>
    public IReadOnlySet<string>? Fields { get; init; }

    /// <summary>What a fieldSelector may name but metadata's name and namespace.</summary>
    public IReadOnlyList<string> Selectable { get; set; } = [];

    public IReadOnlyList<string> Subresources { get; init; } = [];

    public IReadOnlyList<ServedVersion> Versions { get; set; } = [];

    public Table Table { get; } = new();

    public ServedVersion? Version(string name) => Versions.FirstOrDefault(v => v.Name == name && v.Served);

    public ServedVersion Storage => Versions.First(static v => v.Storage);
}

internal enum NameRule
{
    Subdomain,
    Label,
    PathSegment,
}

/// <summary>One version of a kind.</summary>
internal sealed class ServedVersion(ResourceType type, string name)
{
    public ResourceType Type => type;

    public string Name => name;

    public bool Served { get; init; } = true;

    public bool Storage { get; init; } = true;

    /// <summary>Whether <c>/status</c> is written apart.</summary>
    public bool Status { get; init; }

    /// <summary>Null for built-in kinds.</summary>
    public JsonObject? Schema { get; init; }

    public FieldType Fields { get; init; } = FieldType.Deduced;

    public JsonArray Columns { get; init; } = [];

    public string ApiVersion { get; } = type.Group.Length == 0 ? name : $"{type.Group}/{name}";

    /// <summary>
    /// How each object of it begins. Objects are kept without these two fields, so that bytes once made serve all versions, and lists, whose
    /// items come without them.
    /// </summary>
    public byte[] Prefix { get; } =
        Encoding.UTF8.GetBytes($"{{\"apiVersion\":\"{(type.Group.Length == 0 ? name : $"{type.Group}/{name}")}\",\"kind\":\"{type.Kind}\",");
}
