using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Kubernetes.Tests;

public sealed class YamlTextTests
{
    public static TheoryData<string> Texts =>
    [
        "", " ", "a", "~", "null", "Null", "true", "True", "yes", "NO", "on", "y", "n", "0", "1", "-1", "+1", "1.5", ".5", "1e3", "0x1f", "0o7", "1_000",
        ".inf", "-.inf", ".nan", "=", "<<", "-", "- a", "---", "...", "?", ": ", "a: b", "a #b", "# a", "#a", "&a", "*a", "!a", "!!str", "|", ">", "%a", "@a", "`a",
        "'", "\"", "a'b", "{a}", "[a]", "a,b", "\\", "\t", "a\tb", " a", "a ", "a\n", "a\nb", "a\nb\n", "\na", "\n", "a\n\n", " a\nb", "a \nb", "a\r\nb", "\r", "a\u0085b",
        "a\u2028b", "ä", "😀", "\u0000", "\u0007", "\u001b[0m", "2026-03-01", "2026-03-01T12:00:00Z", "12:30", "a...\nb", "...\n", "a\n...\nb", "key: |\n  text",
        "#cloud-config\npackages:\n  - nginx\n", "\ta\nb", "a\n\tb", "^(\\+|-)?[0-9]+$",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Every_text_comes_back_as_it_was(string text)
    {
        var node = new JsonObject { ["key"] = text, ["list"] = new JsonArray(text, new JsonObject { ["inner"] = text }) };
        if (text.Length is > 0 and < 30 && !text.Contains('\n', StringComparison.Ordinal))
        {
            node[text] = 1;
        }

        var yaml = YamlText.Of(node);
        JsonNode.DeepEquals(Yaml.Documents(yaml).Single(), node).ShouldBeTrue(yaml);
    }

    [Fact]
    public void Numbers_truths_and_nulls_are_no_texts()
    {
        var node = JsonNode.Parse("""{"a":1,"b":-2.5,"c":true,"d":null,"e":[],"f":{},"g":[null,false]}""")!;

        JsonNode.DeepEquals(Yaml.Documents(YamlText.Of(node)).Single(), node).ShouldBeTrue(YamlText.Of(node));
    }
}
