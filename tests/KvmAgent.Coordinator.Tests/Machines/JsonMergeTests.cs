using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using KvmAgent.Coordinator.Machines;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Machines;

public sealed class JsonMergeTests
{
    private static readonly string[] Names = ["a", "b", "c", ""];

    [Fact]
    public void The_patch_makes_the_one_of_the_other()
    {
        Prop.ForAll(Documents(3).Two().ToArbitrary(), pair =>
        {
            var (from, to) = (pair.Item1.AsObject(), pair.Item2.AsObject());
            var patch = JsonMerge.Difference(from, to);
            var patched = patch is null ? from.DeepClone() : MergePatch.Apply(from.DeepClone(), patch.DeepClone())!;
            return JsonNode.DeepEquals(patched, to);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void There_is_no_patch_between_equals()
    {
        Prop.ForAll(Documents(3).ToArbitrary(), document =>
            JsonMerge.Difference(document.AsObject(), document.DeepClone().AsObject()) is null).Check(Config.QuickThrowOnFailure);
    }

    [Theory]
    [InlineData("""{"a":1}""", """{}""", """{"a":null}""")]
    [InlineData("""{"a":{"b":1,"c":2}}""", """{"a":{"b":1}}""", """{"a":{"c":null}}""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[1,2,3]}""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":"x"}""", """{"a":{"b":1}}""", """{"a":{"b":1}}""")]
    [InlineData("""{"a":{"b":1}}""", """{"a":{}}""", """{"a":{"b":null}}""")]
    public void A_patch_says_no_more_than_it_must(string from, string to, string patch) =>
        JsonMerge.Difference(JsonNode.Parse(from)!.AsObject(), JsonNode.Parse(to)!.AsObject())!.ToJsonString().ShouldBe(patch);

    /// <summary>Without nulls, which our types do not write.</summary>
    private static Gen<JsonNode> Documents(int depth) =>
        from count in Gen.Choose(0, 4)
        from names in Gen.Elements(Names).ListOf(count)
        from values in Values(depth).ListOf(count)
        select (JsonNode)new JsonObject(names.Zip(values).DistinctBy(static e => e.First).Select(static e => KeyValuePair.Create(e.First, (JsonNode?)e.Second.DeepClone())));

    private static Gen<JsonNode> Values(int depth) => depth == 0 ? Scalars() : Gen.OneOf(Scalars(), Documents(depth - 1), Lists(depth - 1));

    private static Gen<JsonNode> Lists(int depth) =>
        from count in Gen.Choose(0, 3)
        from values in Values(depth).ListOf(count)
        select (JsonNode)new JsonArray([.. values.Select(static v => v.DeepClone())]);

    private static Gen<JsonNode> Scalars() => Gen.OneOf(
        Gen.Choose(0, 2).Select(static n => (JsonNode)n),
        Gen.Elements("", "x", "y").Select(static t => (JsonNode)t),
        Gen.Elements(true, false).Select(static b => (JsonNode)b));
}
