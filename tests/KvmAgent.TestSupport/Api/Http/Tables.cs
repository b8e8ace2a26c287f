using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.TestSupport.Api;

/// <summary>What kubectl shows: name, the CustomResourceDefinition's columns, age.</summary>
internal static partial class Tables
{
    public static bool Wanted(string accept) => accept.Split(',')[0].Contains("as=Table", StringComparison.Ordinal);

    public static JsonObject Of(ServedVersion version, IEnumerable<Stored> items, string resourceVersion, DateTimeOffset now)
    {
        var columns = new JsonArray(Column("Name", "string", "name"));
        foreach (var column in version.Columns)
        {
            columns.Add(Column(column.Text("name")!, column.Text("type")!, column.Text("format") ?? ""));
        }

        var ownAge = version.Columns.Any(static c => c.Text("name") == "Age");
        if (!ownAge)
        {
            columns.Add(Column("Age", "string", ""));
        }

        var rows = new JsonArray();
        foreach (var item in items)
        {
            var cells = new JsonArray(item.Name);
            foreach (var column in version.Columns)
            {
                cells.Add(Cell(item.Json, column.Text("jsonPath") ?? "", column.Text("type") == "date", now));
            }

            if (!ownAge)
            {
                cells.Add(Cell(item.Json, ".metadata.creationTimestamp", date: true, now));
            }

            var metadata = new JsonObject { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = item.Json.At("metadata")?.DeepClone() };
            rows.Add(new JsonObject { ["cells"] = cells, ["object"] = metadata });
        }

        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = new JsonObject { ["resourceVersion"] = resourceVersion },
            ["columnDefinitions"] = columns,
            ["rows"] = rows,
        };
    }

    private static JsonObject Column(string name, string type, string format) => new()
    {
        ["name"] = name,
        ["type"] = type,
        ["format"] = format,
        ["description"] = "",
        ["priority"] = 0,
    };

    private static JsonNode? Cell(JsonNode json, string path, bool date, DateTimeOffset now)
    {
        JsonNode? at = json;
        foreach (Match step in Step().Matches(path))
        {
            at = step.Groups["name"].Success
                ? at.At(step.Groups["name"].Value)
                : step.Groups["index"].Success
                    ? at is JsonArray list && list.Count > int.Parse(step.Groups["index"].Value, System.Globalization.CultureInfo.InvariantCulture)
                        ? list[int.Parse(step.Groups["index"].Value, System.Globalization.CultureInfo.InvariantCulture)]
                        : null
                    : (at as JsonArray)?.FirstOrDefault(item => item.Text(step.Groups["key"].Value) == step.Groups["value"].Value);
        }

        return date && DateTimeOffset.TryParse(at.Text(), System.Globalization.CultureInfo.InvariantCulture, out var since) ? $"{(long)(now - since).TotalSeconds}s" : at?.DeepClone();
    }

    [GeneratedRegex("""\.(?<name>[\w-]+)|\[(?<index>\d+)\]|\[\?\(@\.(?<key>\w+)\s*==\s*["'](?<value>[^"']*)["']\)\]""")]
    private static partial Regex Step();
}
