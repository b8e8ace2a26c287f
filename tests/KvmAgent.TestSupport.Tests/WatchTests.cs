using KvmAgent.TestSupport.Api;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class WatchTests : ServerTest
{
    [Fact]
    public async Task A_watch_from_a_version_sees_what_came_after_it_in_order()
    {
        await Client.PostAsync(Maps, Map("old"));
        var from = (await Client.GetAsync(Maps)).Body.Version();
        await Client.PostAsync(Maps, Map("a"));
        using var watch = await Client.WatchAsync($"{Maps}?resourceVersion={from}");
        (await watch.NextAsync()).ShouldBe("ADDED a");
        var (_, changed) = await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"data":{"k":"v"}}""");
        await Client.DeleteAsync($"{Maps}/a");
        var modified = await watch.NextObjectAsync();
        modified!["type"]!.GetValue<string>().ShouldBe("MODIFIED");
        modified["object"]!.AsObject().Version().ShouldBe(changed.Version());
        modified["object"]!["kind"]!.GetValue<string>().ShouldBe("ConfigMap");
        var deleted = await watch.NextObjectAsync();
        deleted!["type"]!.GetValue<string>().ShouldBe("DELETED");
        long.Parse(deleted["object"]!.AsObject().Version()).ShouldBeGreaterThan(long.Parse(changed.Version()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?resourceVersion=0")]
    public async Task A_watch_from_nowhere_begins_with_what_is_there(string query)
    {
        await Client.PostAsync(Maps, Map("a"));
        using var watch = await Client.WatchAsync(Maps + query);
        (await watch.NextAsync()).ShouldBe("ADDED a");
        await Client.PostAsync(Maps, Map("b"));
        (await watch.NextAsync()).ShouldBe("ADDED b");
    }

    [Fact]
    public async Task What_stops_matching_the_selector_is_deleted_to_the_watch_and_what_begins_to_is_added()
    {
        using var watch = await Client.WatchAsync($"{Maps}?labelSelector=on%3Dyes&resourceVersion={(await Client.GetAsync(Maps)).Body.Version()}");
        await Client.PostAsync(Maps, Map("a"));
        await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"labels":{"on":"yes"}}}""");
        (await watch.NextAsync()).ShouldBe("ADDED a");
        var (_, off) = await Client.PatchAsync($"{Maps}/a", Client.Merge, """{"metadata":{"labels":{"on":"no"}}}""");
        var deleted = await watch.NextObjectAsync();
        deleted!["type"]!.GetValue<string>().ShouldBe("DELETED");
        deleted["object"]!["metadata"]!["labels"]!["on"]!.GetValue<string>().ShouldBe("yes");
        deleted["object"]!.AsObject().Version().ShouldBe(off.Version());
    }

    [Fact]
    public async Task A_watch_of_one_namespace_or_name_sees_no_other()
    {
        using var watch = await Client.WatchAsync($"{Maps}?fieldSelector=metadata.name%3Db");
        await Client.PostAsync("/api/v1/namespaces/kube-system/configmaps", Map("b"));
        await Client.PostAsync(Maps, Map("a"));
        await Client.PostAsync(Maps, Map("b"));
        var next = await watch.NextObjectAsync();
        (next!["object"]!["metadata"]!["namespace"]!.GetValue<string>(), next["object"]!["metadata"]!["name"]!.GetValue<string>()).ShouldBe(("default", "b"));
    }

    [Fact]
    public async Task After_a_compaction_an_old_version_is_gone()
    {
        var (_, list) = await Client.GetAsync(Maps);
        await Client.PostAsync(Maps, Map("a"));
        Server.Faults.CompactHistory();
        using var watch = await Client.WatchAsync($"{Maps}?resourceVersion={list.Version()}");
        var error = await watch.NextObjectAsync();
        error!["type"]!.GetValue<string>().ShouldBe("ERROR");
        error["object"]!["code"]!.GetValue<int>().ShouldBe(410);
        (await watch.NextAsync()).ShouldBeNull();
        using var again = await Client.WatchAsync($"{Maps}?resourceVersion={(await Client.GetAsync(Maps)).Body.Version()}");
        await Client.PostAsync(Maps, Map("b"));
        (await again.NextAsync()).ShouldBe("ADDED b");
    }

    [Fact]
    public async Task Bookmarks_come_to_those_who_allow_them()
    {
        using var with = await Client.WatchAsync($"{Maps}?allowWatchBookmarks=true");
        using var without = await Client.WatchAsync(Maps);
        await Client.PostAsync("/api/v1/namespaces/default/secrets", """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}""");
        Server.SendBookmarks();
        var bookmark = await with.NextObjectAsync();
        bookmark!["type"]!.GetValue<string>().ShouldBe("BOOKMARK");
        bookmark["object"]!["kind"]!.GetValue<string>().ShouldBe("ConfigMap");
        bookmark["object"]!.AsObject().Version().ShouldBe((await Client.GetAsync(Maps)).Body.Version());
        await Client.PostAsync(Maps, Map("a"));
        (await without.NextAsync()).ShouldBe("ADDED a");
    }

    [Fact]
    public async Task Watches_can_be_closed_and_initial_events_are_refused_as_by_older_servers()
    {
        using var watch = await Client.WatchAsync(Maps);
        Server.Faults.CloseWatches();
        (await watch.NextAsync()).ShouldBeNull();
        (await Client.GetAsync($"{Maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")).Code.ShouldBe(422);
    }

    [Fact]
    public async Task A_watch_ends_after_its_timeout_by_the_servers_time()
    {
        var time = new SteppedTime();
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions { TimeProvider = time });
        using var client = new Client(server);
        using var watch = await client.WatchAsync($"{Maps}?timeoutSeconds=300&allowWatchBookmarks=true");
        time.Advance(TimeSpan.FromSeconds(61));
        (await watch.NextObjectAsync())!["type"]!.GetValue<string>().ShouldBe("BOOKMARK");
        time.Advance(TimeSpan.FromSeconds(240));
        string? last;
        do
        {
            last = (await watch.NextObjectAsync())?["type"]!.GetValue<string>();
        }
        while (last == "BOOKMARK");
        last.ShouldBeNull();
    }

    [Fact]
    public async Task Initial_events_end_with_a_marked_bookmark_where_the_server_has_them()
    {
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions { WatchList = true });
        using var client = new Client(server);
        await client.PostAsync(Maps, Map("a"));
        using var watch = await client.WatchAsync($"{Maps}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        (await watch.NextAsync()).ShouldBe("ADDED a");
        (await watch.NextObjectAsync())!["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!.GetValue<string>().ShouldBe("true");
    }

    [Fact]
    public async Task History_is_kept_as_long_as_was_asked()
    {
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions { WatchHistory = 5 });
        using var client = new Client(server);
        var from = (await client.GetAsync(Maps)).Body.Version();
        for (var i = 0; i < 20; i++)
        {
            await client.PostAsync(Maps, Map($"m{i}"));
        }

        using var watch = await client.WatchAsync($"{Maps}?resourceVersion={from}");
        (await watch.NextObjectAsync())!["object"]!["code"]!.GetValue<int>().ShouldBe(410);
    }
}
