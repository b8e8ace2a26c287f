using System.Text;
using System.Text.Json;
using Shouldly;
using Xunit;

namespace KvmAgent.TestSupport.Charts;

/// <summary>values.yaml, its schema and the README's table name the same values: for each chart's tests to inherit.</summary>
public abstract class ChartDocumentTests(HelmChart chart)
{
    private const string Begin = "<!-- values: made of values.yaml by a test -->\n", End = "<!-- /values -->";

    private readonly ChartValues _values = new(chart);

    [Fact]
    public void The_readmes_table_is_that_of_the_values()
    {
        var path = Path.Combine(chart.Directory, "README.md");
        var readme = File.ReadAllText(path);
        var begin = readme.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var end = readme.IndexOf(End, StringComparison.Ordinal);
        begin.ShouldBeGreaterThan(Begin.Length);
        end.ShouldBeGreaterThanOrEqualTo(begin);

        Golden.ShouldBe(readme[..begin] + Table() + readme[end..], path);
    }

    [Fact]
    public void Every_value_is_explained() => _values.Read().Where(v => v.Meaning.Length == 0).Select(v => v.Path).ShouldBeEmpty();

    /// <summary><c>global</c> is what a chart above this one passes to all below it.</summary>
    [Fact]
    public void The_schema_knows_the_values_and_no_others() =>
        _values.SchemaPaths().ShouldBe(_values.Read().Select(v => v.Path).Prepend("global"), ignoreOrder: true);

    [Fact]
    public void The_schema_is_strict_at_every_level()
    {
        var lax = new List<string>();
        Walk(JsonDocument.Parse(File.ReadAllText(Path.Combine(chart.Directory, "values.schema.json"))).RootElement, "");
        lax.ShouldBeEmpty();

        void Walk(JsonElement node, string path)
        {
            if (node.ValueKind != JsonValueKind.Object)
            {
                return;
            }

            if (path.Length > 0 && !path.EndsWith("/properties", StringComparison.Ordinal) && node.TryGetProperty("properties", out _)
                && !(node.TryGetProperty("additionalProperties", out var more) && more.ValueKind == JsonValueKind.False))
            {
                lax.Add(path);
            }

            foreach (var child in node.EnumerateObject())
            {
                Walk(child.Value, $"{path}/{child.Name}");
            }
        }
    }

    private string Table()
    {
        var table = new StringBuilder("| value | default | meaning |\n|---|---|---|\n");
        foreach (var value in _values.Read())
        {
            var shown = value.Default == "\"\"" ? "" : $"`{value.Default}`";
            table.Append(System.Globalization.CultureInfo.InvariantCulture, $"| `{value.Path}` | {shown} | {value.Meaning} |\n");
        }

        return table.ToString();
    }
}
