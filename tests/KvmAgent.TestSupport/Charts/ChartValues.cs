using System.Text.Json;

namespace KvmAgent.TestSupport.Charts;

/// <summary>One value as values.yaml declares it.</summary>
/// <param name="Path">Dotted.</param>
/// <param name="Default">As written.</param>
/// <param name="Meaning">The comment before it that begins with <c># --</c>.</param>
public sealed record ChartValue(string Path, string Default, string Meaning);

/// <summary>
/// Reads values.yaml by its lines, as comments are no part of YAML: a value stands on one line with its default, below a line of comment;
/// a key with nothing behind it opens a group.
/// </summary>
public sealed class ChartValues(HelmChart chart)
{
    private const string Mark = "# -- ";

    public IReadOnlyList<ChartValue> Read()
    {
        var values = new List<ChartValue>();
        var groups = new Stack<(int Indent, string Path)>();
        var meaning = "";
        foreach (var line in File.ReadLines(Path.Combine(chart.Directory, "values.yaml")))
        {
            var text = line.TrimStart();
            var indent = line.Length - text.Length;
            if (text.Length == 0 || text[0] == '#')
            {
                meaning = text.StartsWith(Mark, StringComparison.Ordinal) ? text[Mark.Length..] : "";
                continue;
            }

            while (groups.TryPeek(out var group) && group.Indent >= indent)
            {
                groups.Pop();
            }

            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var path = (groups.TryPeek(out var parent) ? $"{parent.Path}." : "") + text[..colon];
            if (text.Length == colon + 1)
            {
                groups.Push((indent, path));
            }
            else
            {
                values.Add(new ChartValue(path, text[(colon + 1)..].Trim(), meaning));
            }

            meaning = "";
        }

        return values;
    }

    /// <summary>The schema of a value, by its dotted path.</summary>
    public JsonElement SchemaOf(string path)
    {
        var node = Root();
        foreach (var part in path.Split('.'))
        {
            node = Resolve(node).GetProperty("properties").GetProperty(part);
        }

        return Resolve(node);
    }

    /// <summary>The dotted paths of all values that the schema knows.</summary>
    public IEnumerable<string> SchemaPaths() => Paths(Root(), "");

    private IEnumerable<string> Paths(JsonElement node, string prefix) => node.GetProperty("properties").EnumerateObject()
        .SelectMany(p => Resolve(p.Value).TryGetProperty("properties", out _)
            ? Paths(Resolve(p.Value), $"{prefix}{p.Name}.")
            : [prefix + p.Name]);

    private JsonElement Resolve(JsonElement node) => node.TryGetProperty("$ref", out var reference)
        ? Root().GetProperty("definitions").GetProperty(reference.GetString()!.Split('/')[^1])
        : node;

    private JsonElement Root() =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(chart.Directory, "values.schema.json"))).RootElement;
}
