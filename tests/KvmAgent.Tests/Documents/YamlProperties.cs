using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using KvmAgent.Documents;

namespace KvmAgent.Tests.Documents;

public sealed class YamlProperties
{
    private const string Everything = """
        # comment
        a: &x {k: [1, 2.5, "q\u0041", 's'], "j": {n: null}}
        b: *x
        c:
          <<: *x
          - not: here
        d: |
          text
           more
        e: >-
          folded
        ? f
        : !!str 1
        ---
        {"t":	[true,false,null]}
        """;

    private static readonly JsonSerializerOptions Tabs = new() { WriteIndented = true, IndentCharacter = '\t', IndentSize = 1 };

    private static readonly Gen<string> Texts = Gen.Elements(
            "", "a", "key", "1.10", "yes", "null", "~", "2024-01-01", "<<", "- x", "a: b", "#c", "&a", "*a", "!t", "{", "]", "\n", " \n ", "\t",
            "\0", "\u007F", "\u0085", "\u2028", "\uFEFF", "\uFFFF", "é", "😀", "\"", "\\", "'", "%", "---", "...", " lead", "trail ")
        .ArrayOf().Select(parts => string.Concat(parts.Take(4)));

    private static readonly Gen<string> Numbers = Gen.Elements(
        "0", "-0", "1", "-1.5", "1e3", "1E-7", "0.10", "12345678901234567890123", "-1.0e+300");

    [Fact]
    public void Any_json_is_read_as_the_same_json_whichever_way_it_is_laid_out() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(Arb.From(Documents(4)), Arb.From(Gen.Elements(true, false)), (value, indented) =>
            {
                var json = JsonSerializer.Serialize(value, indented ? Tabs : JsonSerializerOptions.Default);
                return Same(json, Read(json)!.ToJson());
            }));

    [Fact]
    public void What_we_write_is_read_by_ourselves_as_the_same() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(Arb.From(Documents(4)), value =>
            {
                var written = Read(value?.ToJsonString() ?? "null")!.ToJson();
                return Same(Encoding.UTF8.GetString(written), Read(Encoding.UTF8.GetString(written))!.ToJson());
            }));

    [Fact]
    public void Whatever_is_typed_is_read_or_refused_with_its_place() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(2000),
            Prop.ForAll(Arb.From(Damaged()), yaml =>
            {
                try
                {
                    Read(yaml)?.ToJson();
                    return true;
                }
                catch (AgentException e)
                {
                    return e.Reason == FailureReason.Refused && e.Message.StartsWith("/metadata:", StringComparison.Ordinal);
                }
            }));

    private static Gen<string> Damaged() =>
        from cut in Gen.Choose(0, Everything.Length)
        from length in Gen.Choose(0, 12)
        from at in Gen.Choose(0, Everything.Length)
        from text in Gen.OneOf(Texts, Gen.Elements("[", "{", "}", ":", "?", "&", "*x", "!", "!!", "|", ">", "%", "@", "`", "\r", "\t", ",", "- ", "\n"))
        let shorter = Everything.Remove(cut, Math.Min(length, Everything.Length - cut))
        select shorter.Insert(Math.Min(at, shorter.Length), text);

    private static Gen<JsonNode?> Documents(int depth)
    {
        var scalars = Gen.OneOf(
            Texts.Select(text => (JsonNode?)JsonValue.Create(text)),
            Numbers.Select(number => JsonNode.Parse(number)),
            Gen.Elements("true", "false", "null").Select(word => JsonNode.Parse(word)));
        if (depth == 0)
        {
            return scalars;
        }

        var inner = Documents(depth - 1);
        return Gen.OneOf(
            scalars,
            inner.ArrayOf().Select(items => (JsonNode?)new JsonArray([.. items.Take(5).Select(item => item?.DeepClone())])),
            Texts.Zip(inner).ArrayOf().Select(entries => (JsonNode?)new JsonObject(
                entries.Take(5).DistinctBy(entry => entry.Item1).Select(entry => KeyValuePair.Create(entry.Item1, entry.Item2?.DeepClone())))));
    }

    private static YamlNode? Read(string yaml) => YamlReader.Read(new SourceFile("/metadata", Encoding.UTF8.GetBytes(yaml)));

    private static bool Same(string expected, byte[] actual)
    {
        using var one = JsonDocument.Parse(expected);
        using var other = JsonDocument.Parse(actual);
        return JsonElement.DeepEquals(one.RootElement, other.RootElement);
    }
}
