using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace KvmAgent.TestSupport.Charts;

/// <summary>The objects that a chart makes, as the kubelet would see them; every scalar is text.</summary>
public sealed class RenderedChart
{
    private readonly IReadOnlyList<JsonNode> _objects;

    public RenderedChart(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        _objects = [.. stream.Documents.Select(d => Convert(d.RootNode)).OfType<JsonObject>()];
    }

    public IEnumerable<JsonNode> Objects => _objects;

    /// <summary>The one that it runs.</summary>
    public JsonNode Pod => _objects.Single(static o => (string?)o["kind"] is "StatefulSet" or "Deployment")["spec"]!["template"]!["spec"]!;

    public JsonNode Container => Pod["containers"]!.AsArray().Single()!;

    /// <summary>The container's variables; those that come from elsewhere with the field or key that they come from.</summary>
    public Dictionary<string, string> Environment => Container["env"]!.AsArray()
        .ToDictionary(e => (string)e!["name"]!, e => (string?)e!["value"] ?? e["valueFrom"]!.ToJsonString());

    public JsonNode One(string kind) => _objects.Single(o => (string?)o["kind"] == kind);

    public JsonNode? Find(string kind, string name) => _objects.SingleOrDefault(o => (string?)o["kind"] == kind && (string?)o["metadata"]!["name"] == name);

    public IEnumerable<JsonNode> All(string kind) => _objects.Where(o => (string?)o["kind"] == kind);

    /// <summary>What the container finds in a file of the projected volume; null where it comes from an object that the chart does not make.</summary>
    public byte[]? ReadFile(string path)
    {
        var mount = Container["volumeMounts"]!.AsArray().Single(m => path.StartsWith((string)m!["mountPath"]! + "/", StringComparison.Ordinal))!;
        var volume = Pod["volumes"]!.AsArray().Single(v => (string)v!["name"]! == (string)mount["name"]!)!;
        var name = path[((string)mount["mountPath"]!).Length..].TrimStart('/');
        var (kind, source, key) = volume["projected"]!["sources"]!.AsArray()
            .SelectMany(s => s!.AsObject())
            .SelectMany(s => s.Value!["items"]!.AsArray().Select(i => (Kind: s.Key, Source: s.Value!, Item: i!)))
            .Where(s => (string)s.Item["path"]! == name)
            .Select(s => (s.Kind, s.Source, (string)s.Item["key"]!))
            .Single();
        var found = Find(kind == "secret" ? "Secret" : "ConfigMap", (string)source["name"]!);
        var text = found is null ? null : (string)found["data"]![key]!;
        return text is null ? null : kind == "secret" ? System.Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text);
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Convert(c.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Select(Convert)]),
        YamlScalarNode { Value: { } text } => JsonValue.Create(text),
        _ => null,
    };
}
