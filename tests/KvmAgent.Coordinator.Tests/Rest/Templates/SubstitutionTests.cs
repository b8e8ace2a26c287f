using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Coordinator.Rest.Templates;

namespace KvmAgent.Coordinator.Tests.Rest.Templates;

public sealed class SubstitutionTests
{
    [Theory]
    [InlineData("""{"a":"${A}"}""", """{"a":"x"}""")]
    [InlineData("""{"a":"<${A}-${A}>","l":["${A}",{"b":"${A}"}]}""", """{"a":"<x-x>","l":["x",{"b":"x"}]}""")]
    [InlineData("""{"${A}-tier":1,"n":null,"t":true,"d":1.50}""", """{"x-tier":1,"n":null,"t":true,"d":1.50}""")]
    [InlineData("""{"a":"${{N}}","b":"${{T}}","c":"${N}"}""", """{"a":42,"b":true,"c":"42"}""")]
    [InlineData("""{"a":"${{F}}"}""", """{"a":-1.5e3}""")]
    [InlineData("""{"a":"${HOME} $A ${} ${A B} ${A:-x} $${A}","b":"${{HOME}}"}""", """{"a":"${HOME} $A ${} ${A B} ${A:-x} $x","b":"${{HOME}}"}""")]
    [InlineData("""{"a":"n${{N}}"}""", """{"a":"n${{N}}"}""")]
    public void Values_stand_where_their_names_were(string template, string made) =>
        Apply(template).ToJsonString(OpenApi.Indented).ShouldBe(Json(made).ToJsonString(OpenApi.Indented));

    [Fact]
    public void A_value_never_becomes_structure_nor_another_name()
    {
        foreach (var value in new[] { "\",\"b\":{\"c\":\"d", """{"a":1}""", "[1]", "a: b\n- c", "${B}", "${{B}}", "\"", "\\", "\u2028", "&x *x" })
        {
            var made = Substitution.Apply(Json("""{"a":"${A}","b":["<${A}>"],"${A}":1}"""), Values(("A", value), ("B", "secret")));
            made.Count.ShouldBe(3);
            ((string?)made["a"], (string?)made["b"]![0]).ShouldBe((value, $"<{value}>"));
            var again = JsonNode.Parse(made.ToJsonString())!;
            ((string?)again["a"], (int?)again[value]).ShouldBe((value, 1));
        }
    }

    [Theory]
    [InlineData("two")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("\"2\"")]
    [InlineData("""{"a":1}""")]
    [InlineData("[1]")]
    [InlineData("1,2")]
    [InlineData("0x10")]
    public void What_is_no_number_true_or_false_is_refused_where_one_is_to_stand(string value)
    {
        var refused = Should.Throw<CoordinatorException>(() => Substitution.Apply(Json("""{"a":"${{A}}"}"""), Values(("A", value))));
        refused.Message.ShouldBe("parameters.A is no number, true or false, and stands as ${{A}}; give one of these, or write ${A} in the template");
    }

    [Fact]
    public void The_template_is_left_as_it_was()
    {
        var template = Json("""{"a":"${A}","b":["${A}"]}""");
        Substitution.Apply(template, Values(("A", "x")));
        template.ToJsonString().ShouldBe("""{"a":"${A}","b":["${A}"]}""");
    }

    [Fact]
    public void Two_keys_do_not_become_one() =>
        Should.Throw<CoordinatorException>(() => Substitution.Apply(Json("""{"x":1,"${A}":2}"""), Values(("A", "x")))).Message.ShouldContain("has ${A} beside what becomes the same key");

    [Fact]
    public void A_long_value_that_stands_often_does_not_take_all_memory()
    {
        var template = new JsonObject { ["a"] = string.Concat(Enumerable.Repeat("${A}", 100_000)) };
        Should.Throw<CoordinatorException>(() => Substitution.Apply(template, Values(("A", new string('x', 500_000))))).Message.ShouldContain("longer by more than 1 MiB");
    }

    [Fact]
    public void Names_are_found_in_texts_and_keys() =>
        Substitution.Names(Json("""{"${K}":["${B} ${A}","${{C}}"],"d":"$D ${E F}","g":{"h":"${A}"}}""")).ShouldBe(["A", "B", "C", "K"]);

    private static JsonObject Apply(string template) => Substitution.Apply(Json(template), Values(("A", "x"), ("N", "42"), ("T", " true "), ("F", "-1.5e3")));

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private static Dictionary<string, string> Values(params (string Name, string Value)[] values) => values.ToDictionary(static v => v.Name, static v => v.Value);
}
