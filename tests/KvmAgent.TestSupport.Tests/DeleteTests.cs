using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class DeleteTests : ServerTest
{
    [Fact]
    public async Task Preconditions_are_held()
    {
        var (_, map) = await Client.PostAsync(Maps, Map("a"));
        (await Client.DeleteAsync($"{Maps}/a", """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"other"}}""")).Code.ShouldBe(409);
        (await Client.DeleteAsync($"{Maps}/a", """{"preconditions":{"resourceVersion":"1"}}""")).Code.ShouldBe(409);
        var (code, status) = await Client.DeleteAsync($"{Maps}/a", $$$"""{"preconditions":{"uid":"{{{map.Uid()}}}"}}""");
        (code, status["status"]!.GetValue<string>()).ShouldBe((200, "Success"));
        Server.Count("", "configmaps").ShouldBe(0);
    }

    [Fact]
    public async Task A_finalizer_holds_an_object_until_it_is_taken_away()
    {
        await Client.PostAsync(Maps, Map("a", ",\"finalizers\":[\"test.io/hold\"]"));
        using var watch = await Client.WatchAsync($"{Maps}?resourceVersion={(await Client.GetAsync(Maps)).Body.Version()}");
        var (_, held) = await Client.DeleteAsync($"{Maps}/a");
        held["metadata"]!["deletionTimestamp"].ShouldNotBeNull();
        (await watch.NextAsync()).ShouldBe("MODIFIED a");
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"finalizers":["test.io/hold","test.io/new"]}}""")).Code.ShouldBe(422);
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"deletionTimestamp":null}}""")).Body["metadata"]!["deletionTimestamp"].ShouldNotBeNull();
        (await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"finalizers":null}}""")).Code.ShouldBe(200);
        (await watch.NextAsync()).ShouldBe("DELETED a");
        (await Client.GetAsync($"{Maps}/a")).Code.ShouldBe(404);
    }

    [Fact]
    public async Task A_pod_on_a_node_stays_until_its_kubelet_deletes_it()
    {
        await Client.PostAsync(Pods, Pod("p", spec: ",\"terminationGracePeriodSeconds\":60"));
        Server.Bind("default", "p", "n1");
        var (_, going) = await Client.DeleteAsync($"{Pods}/p");
        going["metadata"]!["deletionGracePeriodSeconds"]!.GetValue<int>().ShouldBe(60);
        var (_, shorter) = await Client.DeleteAsync($"{Pods}/p", """{"gracePeriodSeconds":5}""");
        shorter["metadata"]!["deletionGracePeriodSeconds"]!.GetValue<int>().ShouldBe(5);
        (await Client.DeleteAsync($"{Pods}/p", """{"gracePeriodSeconds":100}""")).Body["metadata"]!["deletionGracePeriodSeconds"]!.GetValue<int>().ShouldBe(5);
        Server.Delete("", "pods", "default", "p", graceSeconds: 0);
        (await Client.GetAsync($"{Pods}/p")).Code.ShouldBe(404);
    }

    [Fact]
    public async Task A_pod_on_no_node_goes_at_once()
    {
        await Client.PostAsync(Pods, Pod("p"));
        (await Client.DeleteAsync($"{Pods}/p")).Body["kind"]!.GetValue<string>().ShouldBe("Pod");
        Server.Count("", "pods").ShouldBe(0);
    }

    [Fact]
    public async Task A_namespace_goes_after_what_is_in_it_and_takes_nothing_new()
    {
        Server.CreateNamespace("gone");
        await Client.PostAsync("/api/v1/namespaces/gone/configmaps", Map("a", ",\"finalizers\":[\"test.io/hold\"]"));
        await Client.PostAsync("/api/v1/namespaces/gone/configmaps", Map("b"));
        (await Client.DeleteAsync("/api/v1/namespaces/gone")).Body["status"]!["phase"]!.GetValue<string>().ShouldBe("Terminating");
        var (code, status) = await Client.PostAsync("/api/v1/namespaces/gone/configmaps", Map("c"));
        (code, status["details"]!["causes"]![0]!["reason"]!.GetValue<string>()).ShouldBe((403, "NamespaceTerminating"));
        await Server.CollectedAsync();
        Server.All("", "configmaps").ShouldHaveSingleItem();
        await Client.PatchAsync("/api/v1/namespaces/gone/configmaps/a", Client.Merge, """{"metadata":{"finalizers":null}}""");
        await Server.CollectedAsync();
        (await Client.GetAsync("/api/v1/namespaces/gone")).Code.ShouldBe(404);
    }

    [Fact]
    public async Task Dependents_go_with_their_owner()
    {
        var (_, owner) = await Client.PostAsync(Maps, Map("owner"));
        var (_, child) = await Client.PostAsync(Maps, Map("child", OwnedBy(owner)));
        await Client.PostAsync(Maps, Map("grandchild", OwnedBy(child)));
        await Client.PostAsync(Maps, Map("two", OwnedBy(owner)));
        await Client.DeleteAsync($"{Maps}/owner");
        await Server.CollectedAsync();
        Server.Count("", "configmaps").ShouldBe(0);
    }

    [Fact]
    public async Task A_dependent_of_a_uid_that_never_was_goes_and_one_with_an_owner_left_stays()
    {
        var (_, owner) = await Client.PostAsync(Maps, Map("owner"));
        var (_, other) = await Client.PostAsync(Maps, Map("other"));
        var both = OwnedBy(owner)[..^1] + "," + OwnedBy(other)[",\"ownerReferences\":[".Length..];
        await Client.PostAsync(Maps, Map("kept", both));
        await Client.PostAsync(Maps, Map("lost", OwnedBy(owner).Replace(owner.Uid(), Guid.NewGuid().ToString(), StringComparison.Ordinal)));
        await Client.DeleteAsync($"{Maps}/owner");
        await Server.CollectedAsync();
        (await Client.GetAsync(Maps)).Body.Names().ShouldBe(["kept", "other"]);
        Server.Get("", "configmaps", "default", "kept")!["metadata"]!["ownerReferences"]!.AsArray().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task In_the_foreground_the_owner_waits_for_dependents_that_block()
    {
        var (_, owner) = await Client.PostAsync(Maps, Map("owner"));
        await Client.PostAsync(Maps, Map("child", OwnedBy(owner, block: true) + ",\"finalizers\":[\"test.io/hold\"]"));
        var (_, waiting) = await Client.DeleteAsync($"{Maps}/owner?propagationPolicy=Foreground");
        waiting["metadata"]!["finalizers"]!.ToJsonString().ShouldBe("""["foregroundDeletion"]""");
        await Server.CollectedAsync();
        Server.Get("", "configmaps", "default", "owner").ShouldNotBeNull();
        Server.Get("", "configmaps", "default", "child")!["metadata"]!["deletionTimestamp"].ShouldNotBeNull();
        await Client.PatchAsync($"{Maps}/child", Client.Merge, """{"metadata":{"finalizers":null}}""");
        await Server.CollectedAsync();
        Server.Count("", "configmaps").ShouldBe(0);
    }

    [Fact]
    public async Task Orphans_stay_and_forget_their_owner()
    {
        var (_, owner) = await Client.PostAsync(Maps, Map("owner"));
        await Client.PostAsync(Maps, Map("child", OwnedBy(owner)));
        await Client.DeleteAsync($"{Maps}/owner", """{"propagationPolicy":"Orphan"}""");
        await Server.CollectedAsync();
        (await Client.GetAsync(Maps)).Body.Names().ShouldBe(["child"]);
        Server.Get("", "configmaps", "default", "child")!["metadata"]!["ownerReferences"].ShouldBeNull();
    }
}
