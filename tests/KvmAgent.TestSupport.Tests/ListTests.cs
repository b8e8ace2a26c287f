using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class ListTests : ServerTest
{
    [Theory]
    [InlineData("labelSelector=app%3Da", "a1,a2")]
    [InlineData("labelSelector=app%3D%3Da,size%21%3D1", "a2")]
    [InlineData("labelSelector=app+in+(a,b),size+notin+(2)", "a1,b")]
    [InlineData("labelSelector=!app", "none")]
    [InlineData("labelSelector=size", "a1,a2")]
    [InlineData("fieldSelector=metadata.name%3Db", "b")]
    [InlineData("fieldSelector=metadata.name%21%3Db,metadata.namespace%3Ddefault", "a1,a2,none")]
    public async Task Selectors_choose(string query, string names)
    {
        await Client.PostAsync(Maps, Map("a1", ",\"labels\":{\"app\":\"a\",\"size\":\"1\"}"));
        await Client.PostAsync(Maps, Map("a2", ",\"labels\":{\"app\":\"a\",\"size\":\"2\"}"));
        await Client.PostAsync(Maps, Map("b", ",\"labels\":{\"app\":\"b\"}"));
        await Client.PostAsync(Maps, Map("none"));
        var (_, list) = await Client.GetAsync($"{Maps}?{query}");
        string.Join(",", list.Names()).ShouldBe(names);
        list["kind"]!.GetValue<string>().ShouldBe("ConfigMapList");
        list["items"]![0]!["kind"].ShouldBeNull();
    }

    [Fact]
    public async Task Pods_are_chosen_by_node_and_phase()
    {
        await Client.PostAsync(Pods, Pod("a", spec: ",\"nodeName\":\"n1\""));
        await Client.PostAsync(Pods, Pod("b", spec: ",\"nodeName\":\"n2\""));
        Server.SetStatus("", "pods", "default", "b", new System.Text.Json.Nodes.JsonObject { ["phase"] = "Running" });
        (await Client.GetAsync("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Body.Names().ShouldBe(["a"]);
        (await Client.GetAsync("/api/v1/pods?fieldSelector=status.phase%3DRunning")).Body.Names().ShouldBe(["b"]);
        (await Client.GetAsync("/api/v1/pods?fieldSelector=spec.hostname%3Dx")).Code.ShouldBe(400);
        Server.TakeComplaints().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Pages_show_one_moment()
    {
        foreach (var name in (string[])["a", "b", "c", "d"])
        {
            await Client.PostAsync(Maps, Map(name));
        }

        var (_, first) = await Client.GetAsync($"{Maps}?limit=2");
        first.Names().ShouldBe(["a", "b"]);
        first["metadata"]!["remainingItemCount"]!.GetValue<int>().ShouldBe(2);
        await Client.DeleteAsync($"{Maps}/c");
        await Client.PostAsync(Maps, Map("cc"));
        var more = Uri.EscapeDataString(first["metadata"]!["continue"]!.GetValue<string>());
        var (_, second) = await Client.GetAsync($"{Maps}?limit=2&continue={more}");
        second.Names().ShouldBe(["c", "d"]);
        second.Version().ShouldBe(first.Version());
        second["metadata"]!["continue"].ShouldBeNull();

        Server.Faults.CompactHistory();
        var (code, gone) = await Client.GetAsync($"{Maps}?limit=2&continue={more}");
        (code, gone.Reason()).ShouldBe((410, "Expired"));
        var on = Uri.EscapeDataString(gone["metadata"]!["continue"]!.GetValue<string>());
        (await Client.GetAsync($"{Maps}?limit=2&continue={on}")).Body.Names().ShouldBe(["cc", "d"]);
    }

    [Fact]
    public async Task A_list_can_be_of_an_exact_version_and_of_none_that_is_not_there_yet()
    {
        await Client.PostAsync(Maps, Map("a"));
        var then = (await Client.GetAsync(Maps)).Body.Version();
        await Client.PostAsync(Maps, Map("b"));
        (await Client.GetAsync($"{Maps}?resourceVersion={then}&resourceVersionMatch=Exact")).Body.Names().ShouldBe(["a"]);
        (await Client.GetAsync($"{Maps}?resourceVersion={then}")).Body.Names().ShouldBe(["a", "b"]);
        (await Client.GetAsync($"{Maps}?resourceVersion=999999")).Code.ShouldBe(504);
        Server.Faults.CompactHistory();
        (await Client.GetAsync($"{Maps}?resourceVersion={then}&resourceVersionMatch=Exact")).Code.ShouldBe(410);
    }

    [Fact]
    public async Task A_table_is_made_for_who_asks()
    {
        await Server.ApplyCrdsAsync(Crd);
        await Client.PostAsync(Things, Thing("t", """{"size":3}"""));
        Client.Http.DefaultRequestHeaders.Accept.ParseAdd("application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        var (_, table) = await Client.GetAsync(Things);
        table["kind"]!.GetValue<string>().ShouldBe("Table");
        table["columnDefinitions"]!.AsArray().Select(static c => c!["name"]!.GetValue<string>()).ShouldBe(["Name", "Size", "Age"]);
        table["rows"]![0]!["cells"]![1]!.GetValue<int>().ShouldBe(3);
    }

    [Fact]
    public async Task A_collection_is_deleted_by_selector()
    {
        await Client.PostAsync(Maps, Map("a", ",\"labels\":{\"x\":\"1\"}"));
        await Client.PostAsync(Maps, Map("b"));
        (await Client.DeleteAsync($"{Maps}?labelSelector=x%3D1")).Body.Names().ShouldBe(["a"]);
        (await Client.GetAsync(Maps)).Body.Names().ShouldBe(["b"]);
    }
}
