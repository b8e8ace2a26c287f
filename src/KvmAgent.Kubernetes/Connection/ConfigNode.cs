using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KvmAgent.Kubernetes;

/// <summary>A mapping in a kubeconfig file that knows where it is, so that every error names file and field.</summary>
internal sealed class ConfigNode(string file, string field, YamlMappingNode mapping)
{
    /// <summary>More than any kubeconfig has: reading what is nested goes as deep as the stack.</summary>
    private const int MostDepth = 64;

    public static ConfigNode Load(string file)
    {
        try
        {
            using var text = File.OpenText(file);
            return Read(file, text);
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

    /// <summary>Of somebody else's, whose values are in no error.</summary>
    /// <param name="name">What errors call it.</param>
    public static ConfigNode OfUpload(string name, string text)
    {
        try
        {
            DemandShallow(name, text);
            using var reader = new StringReader(text);
            return Read(name, reader);
        }
        catch (Exception e) when (e is YamlException or ArgumentException or InvalidOperationException)
        {
            var at = e is YamlException { Start.Line: > 0 } yaml ? $" at line {yaml.Start.Line}, column {yaml.Start.Column}" : "";
            throw new KubernetesConfigException($"{name} is not valid YAML{at}; send what `kubectl config view --raw --flatten` prints");
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
            : throw Wrong($"{name}[{i}]", "no mapping", "indent its fields below it"))];

    public IReadOnlyList<string> Texts(string name) =>
        [.. Items(name).Select((item, i) => (item as YamlScalarNode)?.Value ?? throw Wrong($"{name}[{i}]", "no text", "give it as text"))];

    public JsonNode? Json(string name) => Child(name) is { } child ? ToJson(child, 0) : null;

    public KubernetesConfigException Wrong(string name, string value, string remedy, Exception? inner = null) =>
        new($"{Place(name)}: {value}: {remedy}", inner);

    /// <summary>A path in a kubeconfig is meant from where that file is.</summary>
    public string Resolve(string path) => Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(file))!);

    public bool Has(string name) => !IsNothing(Child(name));

    private static ConfigNode Read(string name, TextReader text)
    {
        var stream = new YamlStream();
        stream.Load(text);
        return stream.Documents switch
        {
            [] => new ConfigNode(name, "", []),
            [{ RootNode: YamlMappingNode root }] => new ConfigNode(name, "", root),
            [{ RootNode: YamlScalarNode { Value: "" or "null" or "~" } }] => new ConfigNode(name, "", []),
            _ => throw new KubernetesConfigException($"{name}: not a kubeconfig; expected one mapping with clusters, users and contexts"),
        };
    }

    private static void DemandShallow(string name, string text)
    {
        using var reader = new StringReader(text);
        var parser = new Parser(reader);
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MostDepth)
            {
                throw new KubernetesConfigException($"{name} is nested deeper than {MostDepth}; send what `kubectl config view --raw --flatten` prints");
            }
        }
    }

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
