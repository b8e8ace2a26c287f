using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KvmAgent.Kubernetes;

/// <summary>JSON as YAML for people. A text that YAML would take for something else is quoted.</summary>
public static class YamlText
{
    public static string Of(JsonNode node)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        new YamlStream(new YamlDocument(Node(node))).Save(text, assignAnchors: false);
        // The end mark of a document that another may follow; within a text it would be indented.
        const string end = "...\n";
        var yaml = text.ToString();
        return yaml.EndsWith("\n" + end, StringComparison.Ordinal) ? yaml[..^end.Length] : yaml;
    }

    private static YamlNode Node(JsonNode? node) => node switch
    {
        JsonObject map => new YamlMappingNode(map.Select(static e => KeyValuePair.Create<YamlNode, YamlNode>(Text(e.Key), Node(e.Value)))),
        JsonArray list => new YamlSequenceNode(list.Select(Node)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Text(value.GetValue<string>()),
        null => new YamlScalarNode("null"),
        _ => new YamlScalarNode(node.ToJsonString()),
    };

    private static YamlScalarNode Text(string text) => new(text)
    {
        Style = NeedsQuotes(text) ? ScalarStyle.DoubleQuoted : text.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.Literal : ScalarStyle.Any,
    };

    private static bool NeedsQuotes(string text) =>
        text.Length == 0 || text is "~" || char.IsWhiteSpace(text[0]) || text.Any(IsInvisible) || char.IsDigit(text[0]) || text[0] is '.' or '-' or '+' or '='
        || text.ToUpperInvariant() is "TRUE" or "FALSE" or "YES" or "NO" or "ON" or "OFF" or "NULL" or "Y" or "N";

    /// <summary>What a literal block would lose, or no editor shows.</summary>
    private static bool IsInvisible(char c) => (char.IsControl(c) && c != '\n') || c is '\u2028' or '\u2029' or '\ufeff';
}
