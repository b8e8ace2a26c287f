using System.Text;
using System.Text.Json;
using KvmAgent.Documents;

namespace KvmAgent.Tests.Documents;

public sealed class YamlReaderTests
{
    [Theory]
    // Numbers keep their digits.
    [InlineData("1.10", "1.10")]
    [InlineData("0", "0")]
    [InlineData("-0", "-0")]
    [InlineData("+12", "12")]
    [InlineData("-12", "-12")]
    [InlineData("123456789012345678901234567890", "123456789012345678901234567890")]
    [InlineData("3.14159265358979323846264338327950288", "3.14159265358979323846264338327950288")]
    [InlineData("1e3", "1e3")]
    [InlineData("-1.5E+10", "-1.5E+10")]
    [InlineData("1e400", "1e400")]
    [InlineData(".5", "0.5")]
    [InlineData("-.5", "-0.5")]
    [InlineData("1.", "1.0")]
    [InlineData("0x1F", "31")]
    [InlineData("0xffffffffffffffff", "18446744073709551615")]
    // What only one version of YAML takes for a number, and what JSON cannot say, is text.
    [InlineData("0x10000000000000000", "\"0x10000000000000000\"")]
    [InlineData("017", "\"017\"")]
    [InlineData("007.5", "\"007.5\"")]
    [InlineData("0o17", "\"0o17\"")]
    [InlineData("0b101", "\"0b101\"")]
    [InlineData("1_000", "\"1_000\"")]
    [InlineData("12:30:00", "\"12:30:00\"")]
    [InlineData("52:54:00:12:34:56", "\"52:54:00:12:34:56\"")]
    [InlineData(".inf", "\".inf\"")]
    [InlineData(".nan", "\".nan\"")]
    [InlineData("1.2.3", "\"1.2.3\"")]
    [InlineData(".", "\".\"")]
    [InlineData("e3", "\"e3\"")]
    [InlineData("2024-01-01", "\"2024-01-01\"")]
    [InlineData("2024-01-01T10:00:00Z", "\"2024-01-01T10:00:00Z\"")]
    [InlineData("10.0.0.1/24", "\"10.0.0.1/24\"")]
    // Quotes make text.
    [InlineData("\"1.10\"", "\"1.10\"")]
    [InlineData("'yes'", "\"yes\"")]
    [InlineData("\"null\"", "\"null\"")]
    [InlineData("''", "\"\"")]
    [InlineData("|\n  12\n", "\"12\\n\"")]
    [InlineData(">-\n  12\n", "\"12\"")]
    // Booleans and null.
    [InlineData("true", "true")]
    [InlineData("False", "false")]
    [InlineData("yes", "true")]
    [InlineData("Off", "false")]
    [InlineData("y", "\"y\"")]
    [InlineData("yEs", "\"yEs\"")]
    [InlineData("~", "null")]
    [InlineData("", "null")]
    [InlineData("NULL", "null")]
    [InlineData("none", "\"none\"")]
    // Tags.
    [InlineData("!!str 12", "\"12\"")]
    [InlineData("!!str", "\"\"")]
    [InlineData("! 12", "\"12\"")]
    [InlineData("!!int \"12\"", "12")]
    [InlineData("!!float 12", "12")]
    [InlineData("!!bool 'on'", "true")]
    [InlineData("!!null ''", "null")]
    [InlineData("!!timestamp 2024-01-01", "\"2024-01-01\"")]
    [InlineData("!!binary |\n  aGVs\n  bG8=\n", "\"aGVsbG8=\"")]
    [InlineData("!!seq []", "[]")]
    [InlineData("!!map {}", "{}")]
    // Text that JSON must escape, and some that it need not.
    [InlineData("\"a\\tb\\0\\x41\"", "\"a\\tb\\u0000A\"")]
    [InlineData("ssh-rsa AAA+b/c= me&you", "\"ssh-rsa AAA+b/c= me&you\"")]
    [InlineData("Zürich", "\"Zürich\"")]
    public void A_value_keeps_its_meaning(string yaml, string json) =>
        Value($"v: {yaml}\n").ShouldBe(json);

    [Fact]
    public void Anchors_and_aliases_are_resolved() =>
        Value("a: &x {k: [1, 2]}\nv: [*x, *x]").ShouldBe("""[{"k":[1,2]},{"k":[1,2]}]""");

    [Fact]
    public void An_anchor_that_is_set_again_holds_from_there_on() =>
        Value("v: [&x 1, *x, &x 2, *x]").ShouldBe("[1,1,2,2]");

    [Fact]
    public void Merged_mappings_give_way_to_the_mapping_itself_and_to_earlier_ones() =>
        Value("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nv:\n  <<: [*a, *b]\n  x: 0").ShouldBe("""{"x":0,"y":1,"z":2}""");

    [Fact]
    public void A_quoted_merge_key_is_a_key_like_any_other() => Value("v: {'<<': 1}").ShouldBe("""{"<<":1}""");

    [Fact]
    public void Keys_become_text_as_they_were_written() =>
        Value("v: {1: a, 1.10: b, yes: c, ~: d, 2024-01-01: e, 'q': f}")
            .ShouldBe("""{"1":"a","1.10":"b","yes":"c","~":"d","2024-01-01":"e","q":"f"}""");

    [Fact]
    public void Json_is_yaml_with_tabs_and_surrogate_pairs() =>
        Value("{\n\t\"v\":\t{\"a\":1,\"b\"\n:[true,null,\"\\/\\ud83d\\ude00\\\"\"]}\n}\n").ShouldBe("{\"a\":1,\"b\":[true,null,\"/😀\\\"\"]}");

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_first_key() => Value("\uFEFFv: 1").ShouldBe("1");

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n...\n", true)]
    public void An_empty_file_has_no_document(string yaml, bool explicitNull = false)
    {
        var node = Read(yaml);
        (node is null || (explicitNull && node is YamlScalar { Kind: ScalarKind.Null })).ShouldBeTrue();
    }

    [Theory]
    [InlineData("a: 1\na: 2\n", 2, 1, "the key \"a\" is there twice")]
    [InlineData("1: x\n\"1\": y\n", 2, 1, "the key \"1\" is there twice")]
    [InlineData("a: &x {}\nb:\n  <<: *x\n  <<: *x\n", 4, 3, "the key \"<<\" is there twice")]
    [InlineData("a: b\n\tc: d\n", 1, 4, "tab character that violate indentation. (up to line 2, column 1)")]
    [InlineData("a: 'x\n", 1, 4, "unexpected end of stream")]
    [InlineData("a: b: c\n", 1, 5, "invalid mapping")]
    [InlineData("a: @x\n", 1, 4, "cannot start any token")]
    [InlineData("a: [1, 2\nb: 3\n", 1, 6, "not closed")]
    [InlineData("a: !<> b\n", 1, 2, "misspelt")]
    [InlineData("{\"a\": 1", 2, 1, "did not find expected ',' or '}'")]
    [InlineData("a: 1\n---\nb: 2\n", 2, 1, "second document")]
    [InlineData("? [a]\n: 1\n", 1, 3, "a key is a list or a mapping")]
    [InlineData("a: *x\n", 1, 4, "the alias *x has no finished anchor")]
    [InlineData("a: &x [1, *x]\n", 1, 11, "the alias *x has no finished anchor")]
    [InlineData("&x {a: *x}\n", 1, 8, "the alias *x has no finished anchor")]
    [InlineData("<<: 1\n", 1, 5, "the merge key << expects")]
    [InlineData("a: !foo 1\n", 1, 4, "the tag !foo")]
    [InlineData("a: !!int x\n", 1, 4, "does not fit")]
    [InlineData("a: !!int 017\n", 1, 4, "does not fit")]
    [InlineData("a: !!binary '*'\n", 1, 4, "does not fit")]
    [InlineData("a: !!set {b, c}\n", 1, 4, "the tag tag:yaml.org,2002:set")]
    public void What_is_wrong_is_named_with_line_and_column(string yaml, int line, int column, string what)
    {
        var error = Should.Throw<AgentException>(() => Read(yaml));

        error.Reason.ShouldBe(FailureReason.Refused);
        error.Message.ShouldStartWith($"/metadata:{line}:{column}: ");
        error.Message.ShouldContain(what);
    }

    [Fact]
    public void What_is_not_utf8_is_refused() =>
        Should.Throw<AgentException>(() => YamlReader.Read(new SourceFile("/metadata", new byte[] { (byte)'a', 0xFF })))
            .Message.ShouldBe("/metadata is not UTF-8 text: invalid at byte 1");

    [Fact]
    public void A_document_that_explodes_by_aliases_is_refused_at_once()
    {
        var yaml = new StringBuilder("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for (var i = 1; i < 60; i++)
        {
            yaml.AppendLine($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]");
        }

        Should.Throw<AgentException>(() => Read(yaml.ToString())).Message.ShouldContain("grows over 4 MiB");
    }

    [Fact]
    public void A_document_that_explodes_by_merging_is_refused_at_once()
    {
        var yaml = new StringBuilder("- &a0 {k: 1}\n");
        for (var i = 1; i < 10_000; i++)
        {
            yaml.AppendLine($"- &a{i} {{<<: *a{i - 1}, k{i}: 1}}");
        }

        Should.Throw<AgentException>(() => Read(yaml.ToString())).Message.ShouldContain("grows over 4 MiB");
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Nesting_without_end_is_refused_before_the_stack_is_used_up(string opening) =>
        Should.Throw<AgentException>(() => Read(string.Concat(Enumerable.Repeat(opening, 100_000)))).Message.ShouldContain("nested deeper than 64");

    [Fact]
    public void Nesting_by_aliases_counts_as_nesting()
    {
        var yaml = new StringBuilder("- &a0 [x]\n");
        for (var i = 1; i < 1000; i++)
        {
            yaml.AppendLine($"- &a{i} [*a{i - 1}]");
        }

        Should.Throw<AgentException>(() => Read(yaml.ToString())).Message.ShouldContain("nested deeper than 64");
    }

    [Fact]
    public void Sixty_four_levels_are_allowed() =>
        Read(new string('[', 64) + new string(']', 64))!.Height.ShouldBe(64);

    private static YamlNode? Read(string yaml) => YamlReader.Read(new SourceFile("/metadata", Encoding.UTF8.GetBytes(yaml)));

    /// <summary>The JSON of the key "v" without its layout.</summary>
    private static string Value(string yaml)
    {
        using var document = JsonDocument.Parse(Read(yaml)!.ToJson());
        var text = new StringBuilder();
        Flatten(document.RootElement.GetProperty("v"), text);
        return text.ToString();
    }

    private static void Flatten(JsonElement element, StringBuilder text)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{').AppendJoin(',', element.EnumerateObject().Select(p => $"\"{p.Name}\":{Flat(p.Value)}")).Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[').AppendJoin(',', element.EnumerateArray().Select(Flat)).Append(']');
                break;
            default:
                text.Append(element.GetRawText());
                break;
        }
    }

    private static string Flat(JsonElement element)
    {
        var text = new StringBuilder();
        Flatten(element, text);
        return text.ToString();
    }
}
