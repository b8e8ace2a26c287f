using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KvmAgent.Kubernetes;

/// <summary>YAML documents as JSON, by the rules of YAML 1.2's core schema, as Kubernetes reads manifests. JSON is YAML, too.</summary>
public static class YamlDocuments
{
    /// <summary>More than any manifest has: a few aliases of aliases could else make billions.</summary>
    private const int MostNodes = 100_000;

    /// <returns>One for each document that has something in it.</returns>
    /// <exception cref="FormatException">It is no YAML, or not of the kind that can be JSON; the text says where.</exception>
    public static IReadOnlyList<JsonNode> Read(TextReader text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(text);
        }
        catch (YamlException e)
        {
            throw new FormatException($"line {e.Start.Line}, column {e.Start.Column}: {e.Message}", e);
        }

        var left = MostNodes;
        return [.. stream.Documents.Select(document => Convert(document.RootNode, ref left)).OfType<JsonNode>()];
    }

    private static JsonNode? Convert(YamlNode node, ref int left)
    {
        if (--left < 0)
        {
            throw new FormatException($"there are more than {MostNodes} values; write it without aliases");
        }

        return node switch
        {
            YamlMappingNode map => Map(map, ref left),
            YamlSequenceNode list => List(list, ref left),
            YamlScalarNode scalar => Scalar(scalar),
            _ => throw new FormatException($"line {node.Start.Line}: a {node.NodeType} cannot be read here"),
        };
    }

    private static JsonArray List(YamlSequenceNode list, ref int left)
    {
        var result = new JsonArray();
        foreach (var item in list.Children)
        {
            result.Add(Convert(item, ref left));
        }

        return result;
    }

    private static JsonObject Map(YamlMappingNode map, ref int left)
    {
        var result = new JsonObject();
        foreach (var (key, value) in map.Children)
        {
            result[(key as YamlScalarNode)?.Value ?? throw new FormatException($"line {key.Start.Line}: a key must be text")] = Convert(value, ref left);
        }

        return result;
    }

    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        return scalar.Style != ScalarStyle.Plain ? text : text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" => true,
            "false" or "False" or "FALSE" => false,
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
            _ when char.IsAsciiDigit(text.TrimStart('-', '+', '.').FirstOrDefault())
                && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) => real,
            _ => text,
        };
    }
}
