using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class PatchTests : ServerTest
{
    [Fact]
    public async Task A_merge_patch_sets_and_a_null_takes_away()
    {
        await Client.PostAsync(Maps, Map("a", data: """{"x":"1","y":"2"}"""));
        var (_, patched) = await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"data":{"x":null,"z":"3"}}""");
        patched["data"]!.ToJsonString().ShouldBe("""{"y":"2","z":"3"}""");
    }

    [Fact]
    public async Task A_json_patch_is_applied_as_a_whole_or_not_at_all()
    {
        await Client.PostAsync(Maps, Map("a", data: """{"a/b":"1"}"""));
        var (code, patched) = await Client.PatchAsync(
            $"{Maps}/a", Client.Json6902,
            """[{"op":"test","path":"/data/a~1b","value":"1"},{"op":"replace","path":"/data/a~1b","value":"2"},{"op":"copy","from":"/data/a~1b","path":"/data/c"}]""");
        code.ShouldBe(200);
        patched["data"]!.ToJsonString().ShouldBe("""{"a/b":"2","c":"2"}""");
        var (failed, status) = await Client.PatchAsync(
            $"{Maps}/a", Client.Json6902, """[{"op":"add","path":"/data/d","value":"1"},{"op":"test","path":"/data/c","value":"other"}]""");
        (failed, status.Reason()).ShouldBe((422, "Invalid"));
        Server.Get("", "configmaps", "default", "a")!["data"]!["d"].ShouldBeNull();
    }

    [Fact]
    public async Task A_strategic_patch_merges_lists_by_their_keys()
    {
        await Client.PostAsync(Pods, Pod("p", ",\"finalizers\":[\"a/x\"]"));
        Server.SetStatus("", "pods", "default", "p", System.Text.Json.Nodes.JsonNode.Parse("""{"conditions":[{"type":"Ready","status":"False"},{"type":"Other","status":"True"}]}""")!);
        var (code, patched) = await Client.PatchAsync($"{Pods}/p", Client.Strategic, """{"metadata":{"finalizers":["b/y"]},"spec":{"containers":[{"name":"vm","image":"b"}]}}""");
        code.ShouldBe(200);
        patched["spec"]!["containers"]!.ToJsonString().ShouldBe("""[{"name":"vm","image":"b"}]""");
        patched["metadata"]!["finalizers"]!.ToJsonString().ShouldBe("""["a/x","b/y"]""");
        var (_, status) = await Client.PatchAsync($"{Pods}/p/status", Client.Strategic, """{"status":{"conditions":[{"type":"Ready","status":"True"},{"$patch":"delete","type":"Other"}]}}""");
        status["status"]!["conditions"]!.ToJsonString().ShouldBe("""[{"type":"Ready","status":"True"}]""");
        var (_, less) = await Client.PatchAsync($"{Pods}/p", Client.Strategic, """{"metadata":{"$deleteFromPrimitiveList/finalizers":["a/x"]}}""");
        less["metadata"]!["finalizers"]!.ToJsonString().ShouldBe("""["b/y"]""");
    }

    [Fact]
    public async Task A_custom_resource_takes_no_strategic_patch()
    {
        await Server.ApplyCrdsAsync(Crd);
        await Client.PostAsync(Things, Thing("t"));
        (await Client.PatchAsync($"{Things}/t", Client.Strategic, """{"spec":{"size":2}}""")).Code.ShouldBe(415);
        (await Client.PatchAsync($"{Things}/t", Client.Merge, """{"spec":{"size":2}}""")).Code.ShouldBe(200);
    }
}
