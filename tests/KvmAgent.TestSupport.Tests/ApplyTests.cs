using System.Text.Json.Nodes;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class ApplyTests : ServerTest
{
    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        await Server.ApplyCrdsAsync(Crd);
    }

    [Fact]
    public async Task What_is_applied_is_created_and_owned()
    {
        var (code, thing) = await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":1,"disks":[{"name":"a","image":"x"}],"flags":["f"]}""", ",\"labels\":{\"l\":\"1\"}"));
        code.ShouldBe(201);
        var entry = thing["metadata"]!["managedFields"]![0]!;
        (entry["manager"]!.GetValue<string>(), entry["operation"]!.GetValue<string>()).ShouldBe(("me", "Apply"));
        JsonNode.DeepEquals(entry["fieldsV1"], JsonNode.Parse("""
            {"f:metadata":{"f:labels":{"f:l":{}}},"f:spec":{"f:size":{},"f:disks":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:image":{}}},"f:flags":{"v:\"f\"":{}}}}
            """)).ShouldBeTrue(entry.ToJsonString());
        (await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":1,"disks":[{"name":"a","image":"x"}],"flags":["f"]}""", ",\"labels\":{\"l\":\"1\"}")))
            .Body.Version().ShouldBe(thing.Version());
    }

    [Fact]
    public async Task What_is_applied_no_more_goes_unless_another_owns_it()
    {
        await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":1,"tag":"a","disks":[{"name":"a"},{"name":"b"}],"flags":["f","g"]}"""));
        await Client.ApplyAsync($"{Things}/t", "other", Thing("t", """{"size":1,"disks":[{"name":"b","image":"x"}],"flags":["g"]}"""));
        var (_, thing) = await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":1}"""));
        thing["spec"]!["tag"].ShouldBeNull();
        thing["spec"]!["disks"]!.AsArray().Select(static d => d!["name"]!.GetValue<string>()).ShouldBe(["b"]);
        thing["spec"]!["flags"]!.ToJsonString().ShouldBe("""["g"]""");
        var (_, less) = await Client.ApplyAsync($"{Things}/t", "other", Thing("t", """{"size":1}"""));
        less["spec"]!["disks"].ShouldBeNull();
        less["spec"]!["flags"].ShouldBeNull();
    }

    [Fact]
    public async Task Another_managers_field_is_a_conflict_unless_forced()
    {
        await Client.ApplyAsync($"{Things}/t", "one", Thing("t", """{"size":1}"""));
        var (code, status) = await Client.ApplyAsync($"{Things}/t", "two", Thing("t", """{"size":2}"""));
        (code, status.Reason()).ShouldBe((409, "Conflict"));
        status["details"]!["causes"]![0]!["reason"]!.GetValue<string>().ShouldBe("FieldManagerConflict");
        status["details"]!["causes"]![0]!["field"]!.GetValue<string>().ShouldBe(".spec.size");
        var (forced, thing) = await Client.ApplyAsync($"{Things}/t", "two", Thing("t", """{"size":2}"""), force: true);
        forced.ShouldBe(200);
        thing["metadata"]!["managedFields"]!.AsArray().Single(static m => m!["manager"]!.GetValue<string>() == "two")!["fieldsV1"]!.ToJsonString().ShouldBe("""{"f:spec":{"f:size":{}}}""");
        thing["metadata"]!["managedFields"]!.AsArray().ShouldNotContain(static m => m!["manager"]!.GetValue<string>() == "one");
    }

    [Fact]
    public async Task The_same_value_is_shared_and_an_update_takes_it_over()
    {
        await Client.ApplyAsync($"{Things}/t", "one", Thing("t", """{"size":1}"""));
        (await Client.ApplyAsync($"{Things}/t", "two", Thing("t", """{"size":1}"""))).Code.ShouldBe(200);
        await Client.PatchAsync($"{Things}/t?fieldManager=hand", Client.Merge, """{"spec":{"size":3}}""");
        var (code, status) = await Client.ApplyAsync($"{Things}/t", "one", Thing("t", """{"size":1}"""));
        code.ShouldBe(409);
        status["message"]!.GetValue<string>().ShouldContain("\"hand\"");
    }

    [Fact]
    public async Task Status_is_applied_apart_and_removed_with_its_manager()
    {
        await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":1}"""));
        var (_, thing) = await Client.ApplyAsync($"{Things}/t/status", "me", """{"apiVersion":"test.io/v1","kind":"Thing","metadata":{"name":"t"},"status":{"phase":"Up"}}""");
        thing["status"]!["phase"]!.GetValue<string>().ShouldBe("Up");
        thing["metadata"]!["managedFields"]!.AsArray().Count.ShouldBe(2);
        (await Client.ApplyAsync($"{Things}/t", "me", Thing("t", """{"size":2}"""))).Body["status"]!["phase"]!.GetValue<string>().ShouldBe("Up");
        (await Client.ApplyAsync($"{Things}/none/status", "me", """{"apiVersion":"test.io/v1","kind":"Thing","metadata":{"name":"none"},"status":{}}""")).Code.ShouldBe(404);
    }

    [Fact]
    public async Task Built_in_lists_are_merged_by_the_usual_keys()
    {
        await Client.ApplyAsync($"{Pods}/p", "me", Pod("p", spec: ",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]"));
        await Client.ApplyAsync($"{Pods}/p/status", "kubelet", """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}""");
        var (_, pod) = await Client.ApplyAsync($"{Pods}/p/status", "gate", """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"status":{"conditions":[{"type":"Gate","status":"True"}]}}""");
        pod["status"]!["conditions"]!.AsArray().Count.ShouldBe(2);
    }

    [Fact]
    public async Task Yaml_is_read_too_and_a_manager_is_required()
    {
        const string Yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"1\"\n";
        (await Client.ApplyAsync($"{Maps}/a", "me", Yaml)).Body["data"]!["k"]!.GetValue<string>().ShouldBe("1");
        (await Client.PatchAsync($"{Maps}/a", Client.Apply, Yaml)).Code.ShouldBe(422);
    }
}
