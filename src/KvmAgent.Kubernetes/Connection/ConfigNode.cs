using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KvmAgent.Kubernetes;

/// <summary>A mapping in a kubeconfig file that knows where it is, so that every error names file and field.</summary>
internal sealed class ConfigNode(string file, string field, YamlMappingNode mapping)
{
    public static ConfigNode Load(string file)
    {
        try
        {
            using var text = File.OpenText(file);
            var stream = new YamlStream();
            stream.Load(text);
            return stream.Documents switch
            {
                [] => new ConfigNode(file, "", []),
                [{ RootNode: YamlMappingNode root }] => new ConfigNode(file, "", root),
                [{ RootNode: YamlScalarNode { Value: "" or "null" or "~" } }] => new ConfigNode(file, "", []),
                _ => throw new KubernetesConfigException($"{file}: not a kubeconfig; expected one mapping with clusters, users and contexts"),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubernetesConfigException($"{file}: cannot be read: {e.Message}; name a readable kubeconfig", e);
        }
        catch (Exception e) when (e is YamlException or ArgumentException or InvalidOperationException)
        {
            var at = e is YamlException { Start.Line: > 0 } yaml ? $":{yaml.Start.Line}:{yaml.Start.Column}" : "";
            throw new KubernetesConfigException($"{file}{at}: not valid YAML: {e.Message}; correct the file", e);
        }
    }

    public string Name => file;

    /// <summary>For errors: file and dotted path.</summary>
    public string Place(string? name = null) => $"{file}: {(name is null ? field : Below(name))}";

    public string? Text(string name) => Child(name) switch
    {
        null => null,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "null" or "~" } => null,
        YamlScalarNode scalar => scalar.Value is { Length: > 0 } value ? value : null,
        _ => throw Wrong(name, "a list or mapping", "give it as text"),
    };

    public string Demand(string name, string remedy) => Text(name) ?? throw new KubernetesConfigException($"{Place(name)} is missing; {remedy}");

    public bool Flag(string name) => Text(name) switch
    {
        null or "false" => false,
        "true" => true,
        var other => throw Wrong(name, other, "give true or false"),
    };

    public ConfigNode? Mapping(string name) => Child(name) switch
    {
        YamlMappingNode child => new ConfigNode(file, Below(name), child),
        var other when IsNothing(other) => null,
        _ => throw Wrong(name, "no mapping", "indent its fields below it"),
    };

    public IReadOnlyList<ConfigNode> Mappings(string name) =>
        [.. Items(name).Select((item, i) => item is YamlMappingNode child
            ? new ConfigNode(file, $"{Below(name)}[{i}]", child)
            : throw Wrong($"{name}[{i}]", item.ToString(), "expected a mapping"))];

    public IReadOnlyList<string> Texts(string name) =>
        [.. Items(name).Select((item, i) => (item as YamlScalarNode)?.Value ?? throw Wrong($"{name}[{i}]", "no text", "give it as text"))];

    public JsonNode? Json(string name) => Child(name) is { } child ? ToJson(child, 0) : null;

    public KubernetesConfigException Wrong(string name, string value, string remedy, Exception? inner = null) =>
        new($"{Place(name)}: {value}: {remedy}", inner);

    /// <summary>A path in a kubeconfig is meant from where that file is.</summary>
    public string Resolve(string path) => Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(file))!);

    private string Below(string name) => field.Length == 0 ? name : $"{field}.{name}";

    private YamlNode? Child(string name) => mapping.Children.TryGetValue(new YamlScalarNode(name), out var child) ? child : null;

    private static bool IsNothing(YamlNode? node) => node is null or YamlScalarNode { Value: null or "" or "null" or "~" };

    private YamlSequenceNode Items(string name) => Child(name) switch
    {
        YamlSequenceNode list => list,
        var other when IsNothing(other) => [],
        _ => throw Wrong(name, "no list", "begin each of its entries with a dash"),
    };

    private static JsonNode? ToJson(YamlNode node, int depth) => node switch
    {
        _ when depth > 32 => null,
        YamlMappingNode map => new JsonObject(map.Select(child => KeyValuePair.Create(child.Key.ToString(), ToJson(child.Value, depth + 1)))),
        YamlSequenceNode list => new JsonArray([.. list.Select(child => ToJson(child, depth + 1))]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" } => JsonValue.Create(true),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "false" } => JsonValue.Create(false),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "null" or "~" } => null,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: { } number } when long.TryParse(number, out var whole) => JsonValue.Create(whole),
        _ => JsonValue.Create(node.ToString()),
    };
}
