using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class CustomResourceTests : ServerTest
{
    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        await Server.ApplyCrdsAsync(Crd);
    }

    private protected override TestApiServerOptions Options => new()
    {
        CelRules = new Dictionary<string, Func<JsonNode, JsonNode?, bool>>
        {
            ["self.size == oldSelf.size"] = static (self, old) => JsonNode.DeepEquals(self["size"], old!["size"]),
        },
    };

    [Fact]
    public async Task A_definition_is_established_and_its_kind_discovered()
    {
        var (_, crd) = await Client.GetAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.test.io");
        crd["status"]!["conditions"]!.AsArray().ShouldContain(static c => c!["type"]!.GetValue<string>() == "Established" && c["status"]!.GetValue<string>() == "True");
        var (_, resources) = await Client.GetAsync("/apis/test.io/v1");
        resources["resources"]!.AsArray().Select(static r => r!["name"]!.GetValue<string>()).ShouldBe(["things", "things/status"]);
        (await Client.GetAsync("/apis")).Body["groups"]!.AsArray().ShouldContain(static g => g!["name"]!.GetValue<string>() == "test.io");
    }

    [Fact]
    public async Task Unknown_fields_go_defaults_come_and_strict_refuses()
    {
        const string Spec = """{"size":1,"other":1,"free":{"any":1},"disks":[{"name":"a","bad":1}]}""";
        var (_, thing) = await Client.PostAsync(Things, Thing("t", Spec));
        JsonNode.DeepEquals(thing["spec"], JsonNode.Parse("""{"size":1,"free":{"any":1},"disks":[{"name":"a","cache":"none"}],"mode":"slow"}""")).ShouldBeTrue(thing["spec"]!.ToJsonString());
        var (code, status) = await Client.PostAsync($"{Things}?fieldValidation=Strict", Thing("u", Spec));
        (code, status.Reason()).ShouldBe((400, "BadRequest"));
        status["message"]!.GetValue<string>().ShouldContain("unknown field \"spec.disks[0].bad\"");
    }

    [Theory]
    [InlineData("""{}""", "spec.size")]
    [InlineData("""{"size":"1"}""", "spec.size")]
    [InlineData("""{"size":11}""", "spec.size")]
    [InlineData("""{"size":0}""", "spec.size")]
    [InlineData("""{"size":1,"mode":"odd"}""", "spec.mode")]
    [InlineData("""{"size":1,"tag":"A"}""", "spec.tag")]
    [InlineData("""{"size":1,"tag":"abcdef"}""", "spec.tag")]
    [InlineData("""{"size":1,"source":{"url":"a","file":"b"}}""", "spec.source")]
    [InlineData("""{"size":1,"source":{}}""", "spec.source")]
    [InlineData("""{"size":1,"disks":[{"name":"a"},{"name":"a"}]}""", "spec.disks[1]")]
    [InlineData("""{"size":1,"disks":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]}""", "spec.disks")]
    [InlineData("""{"size":1,"disks":[{"image":"a"}]}""", "spec.disks[0].name")]
    [InlineData("""{"size":1,"flags":["a","a"]}""", "spec.flags[1]")]
    public async Task What_the_schema_refuses_is_invalid_with_its_field(string spec, string field)
    {
        var (code, status) = await Client.PostAsync(Things, Thing("t", spec));
        (code, status.Reason()).ShouldBe((422, "Invalid"));
        status["details"]!["causes"]!.AsArray().Select(static c => c!["field"]!.GetValue<string>()).ShouldContain(field);
    }

    [Fact]
    public async Task Status_and_spec_are_written_apart_and_generation_counts_the_specs()
    {
        var withStatus = JsonNode.Parse(Thing("t"))!.AsObject();
        withStatus["status"] = new JsonObject { ["phase"] = "Mine" };
        var (_, thing) = await Client.PostAsync(Things, withStatus.ToJsonString());
        thing["status"].ShouldBeNull();
        thing["metadata"]!["generation"]!.GetValue<int>().ShouldBe(1);

        thing["status"] = new JsonObject { ["phase"] = "Up" };
        thing["spec"]!["size"] = 5;
        thing["metadata"]!["labels"] = new JsonObject { ["l"] = "1" };
        var (_, afterStatus) = await Client.PutAsync($"{Things}/t/status", thing.ToJsonString());
        afterStatus["status"]!["phase"]!.GetValue<string>().ShouldBe("Up");
        afterStatus["spec"]!["size"]!.GetValue<int>().ShouldBe(1);
        afterStatus["metadata"]!["labels"].ShouldBeNull();
        afterStatus["metadata"]!["generation"]!.GetValue<int>().ShouldBe(1);

        afterStatus["status"] = new JsonObject { ["phase"] = "Down" };
        afterStatus["spec"]!["size"] = 6;
        var (_, afterSpec) = await Client.PutAsync($"{Things}/t", afterStatus.ToJsonString());
        afterSpec["status"]!["phase"]!.GetValue<string>().ShouldBe("Up");
        afterSpec["metadata"]!["generation"]!.GetValue<int>().ShouldBe(2);
        (await Client.PatchAsync($"{Things}/t", Client.Merge, """{"metadata":{"labels":{"l":"1"}}}""")).Body["metadata"]!["generation"]!.GetValue<int>().ShouldBe(2);
        (await Client.PutAsync($"{Things}/t/status", thing.ToJsonString())).Code.ShouldBe(409);
        (await Client.PutAsync($"{Things}/t", Thing("t"))).Code.ShouldBe(422);
    }

    [Fact]
    public async Task Each_served_version_shows_the_same_object()
    {
        await Client.PostAsync("/apis/test.io/v1beta1/namespaces/default/things", """{"apiVersion":"test.io/v1beta1","kind":"Thing","metadata":{"name":"t"},"spec":{"size":1}}""");
        (await Client.GetAsync($"{Things}/t")).Body["apiVersion"]!.GetValue<string>().ShouldBe("test.io/v1");
        (await Client.GetAsync("/apis/test.io/v1beta1/things")).Body["items"]![0]!["apiVersion"]!.GetValue<string>().ShouldBe("test.io/v1beta1");
        using var watch = await Client.WatchAsync("/apis/test.io/v1beta1/things");
        (await watch.NextObjectAsync())!["object"]!["apiVersion"]!.GetValue<string>().ShouldBe("test.io/v1beta1");
    }

    [Fact]
    public async Task A_registered_rule_is_asked_and_any_other_refuses_the_definition()
    {
        const string Before = "required: [size]";
        var indent = new string(' ', Crd.Split('\n').Single(static l => l.Contains(Before, StringComparison.Ordinal)).IndexOf(Before, StringComparison.Ordinal));
        string With(string rule) =>
            Crd.Replace(Before, $"{Before}\n{indent}x-kubernetes-validations:\n{indent}- {{ rule: \"{rule}\", message: never change }}", StringComparison.Ordinal);
        await Server.ApplyCrdsAsync(With("self.size == oldSelf.size"));
        await Client.PostAsync(Things, Thing("t"));
        var (code, status) = await Client.PatchAsync($"{Things}/t", Client.Merge, """{"spec":{"size":2}}""");
        code.ShouldBe(422);
        status["message"]!.GetValue<string>().ShouldContain("never change");
        (await Client.PatchAsync($"{Things}/t", Client.Merge, """{"spec":{"tag":"a"}}""")).Code.ShouldBe(200);
        (await Should.ThrowAsync<Exception>(() => Server.ApplyCrdsAsync(With("self.size > 3")))).Message.ShouldContain("self.size > 3");
    }

    [Fact]
    public async Task A_definition_goes_after_its_objects()
    {
        await Client.PostAsync(Things, Thing("t"));
        await Client.DeleteAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.test.io");
        await Server.CollectedAsync();
        (await Client.GetAsync(Things)).Code.ShouldBe(404);
        Server.TakeComplaints().ShouldHaveSingleItem();
    }
}
