using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Alone.Api;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>What kubectl and virtctl ask of an API server, and get from a coordinator without a cluster.</summary>
public sealed class AloneApiTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("/version")]
    [InlineData("/api")]
    [InlineData("/apis")]
    [InlineData(AloneHost.Vmis)]
    [InlineData("/apis/subresources.kubevirt.io/v1/namespaces/team/virtualmachineinstances/web/console")]
    public async Task Nothing_is_answered_without_peoples_token(string path)
    {
        await using var host = await AloneHost.StartAsync();
        foreach (var wrong in new[] { "", "guessed", host.EnrolmentToken })
        {
            using var client = host.Client(wrong);
            if (wrong.Length == 0)
            {
                client.DefaultRequestHeaders.Authorization = null;
            }

            var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
            answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            (await answer.Content.ReadFromJsonAsync<JsonObject>())!["reason"]!.GetValue<string>().ShouldBe("Unauthorized");
        }
    }

    [Fact]
    public async Task It_is_discovered_as_kubectl_and_virtctl_do()
    {
        await using var host = await AloneHost.StartAsync();
        (await host.GetAsync("/version"))["gitVersion"]!.GetValue<string>().ShouldStartWith("v");
        (await host.GetAsync("/api"))["versions"]!.AsArray().ShouldBeEmpty();
        (await host.GetAsync("/apis"))["groups"]!.AsArray().Select(static g => g!["name"]!.GetValue<string>())
            .ShouldBe(["subresources.kubevirt.io", "kubevirt.io"]);
        var vmi = (await host.GetAsync("/apis/kubevirt.io/v1"))["resources"]!.AsArray().ShouldHaveSingleItem()!;
        vmi["name"]!.GetValue<string>().ShouldBe("virtualmachineinstances");
        vmi["shortNames"]!.AsArray().Select(static n => n!.GetValue<string>()).ShouldContain("vmi");
        (await host.GetAsync("/apis/subresources.kubevirt.io/v1"))["resources"]!.AsArray().Select(static r => r!["name"]!.GetValue<string>())
            .ShouldContain("virtualmachineinstances/console");
        (await host.GetAsync("/apis/nonsense", HttpStatusCode.NotFound))["kind"]!.GetValue<string>().ShouldBe("Status");
    }

    [Fact]
    public async Task Lists_are_selected_and_come_in_pages()
    {
        await using var host = await AloneHost.StartAsync();
        foreach (var name in new[] { "c", "a", "b" })
        {
            await host.EnrolAsync(name);
        }

        (await NamesAsync(host, AloneHost.Vmis)).ShouldBe(["a", "b", "c"]);
        (await NamesAsync(host, "/apis/kubevirt.io/v1/virtualmachineinstances")).ShouldBe(["a", "b", "c"]);
        (await NamesAsync(host, "/apis/kubevirt.io/v1/namespaces/other/virtualmachineinstances")).ShouldBeEmpty();
        (await NamesAsync(host, $"{AloneHost.Vmis}?labelSelector=vm.kubevirt.io/name%20in%20(a,c)")).ShouldBe(["a", "c"]);
        (await NamesAsync(host, $"{AloneHost.Vmis}?fieldSelector=metadata.name%3Db")).ShouldBe(["b"]);
        var first = await host.GetAsync($"{AloneHost.Vmis}?limit=2");
        var going = first["metadata"]!["continue"]!.GetValue<string>();
        var second = await host.GetAsync($"{AloneHost.Vmis}?limit=2&continue={Uri.EscapeDataString(going)}");
        second["items"]!.AsArray().ShouldHaveSingleItem()!["metadata"]!["name"]!.GetValue<string>().ShouldBe("c");
        second["metadata"]!["continue"].ShouldBeNull();
        second["metadata"]!["resourceVersion"]!.GetValue<string>().ShouldBe(first["metadata"]!["resourceVersion"]!.GetValue<string>());
        foreach (var wrong in new[] { "labelSelector=a%3D%3D%3Db", "fieldSelector=status.phase%3DRunning", "limit=x", "continue=x", "resourceVersion=x&watch=1" })
        {
            await host.GetAsync($"{AloneHost.Vmis}?{wrong}", HttpStatusCode.BadRequest);
        }

        await host.GetAsync($"{AloneHost.Vmis}?watch=1&sendInitialEvents=true", HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task A_table_has_the_columns_of_a_cluster()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using var client = host.Client();
        client.DefaultRequestHeaders.Accept.ParseAdd("application/json;as=Table;v=v1;g=meta.k8s.io");
        var table = (await client.GetFromJsonAsync<JsonObject>(new Uri(AloneHost.Vmis, UriKind.Relative)))!;
        table["columnDefinitions"]!.AsArray().Select(static c => c!["name"]!.GetValue<string>())
            .ShouldBe(["Name", "Age", "Phase", "IP", "NodeName", "Ready", "Live-Migratable", "Paused"]);
        var cells = table["rows"]!.AsArray().ShouldHaveSingleItem()!["cells"]!.AsArray();
        cells[0]!.GetValue<string>().ShouldBe("web");
        cells[1]!.GetValue<string>().ShouldEndWith("s");
        cells[2]!.GetValue<string>().ShouldBe("Pending");
    }

    [Fact]
    public async Task A_watch_tells_each_change_from_a_version_on_also_over_a_restart()
    {
        await using var host = await AloneHost.StartAsync();
        var version = (await host.GetAsync(AloneHost.Vmis))["metadata"]!["resourceVersion"]!.GetValue<string>();
        var token = await host.EnrolAsync();
        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await agent.TransitionAsync(1, VmPhase.Running);
        }

        await host.EndAsync();
        await host.BeginAsync();
        using var watch = await WatchAsync(host, $"?watch=1&resourceVersion={version}&fieldSelector=metadata.name%3Dweb");
        (await watch.NextAsync()).ShouldBe(("ADDED", "Pending"));
        (await watch.NextAsync()).ShouldBe(("MODIFIED", "Running"));
        // The agent's link ended with the coordinator, or just before.
        (await watch.NextAsync()).ShouldBe(("MODIFIED", "Running"));
        using (var beside = host.OpenBeside())
        {
            beside.Remove(new MachineKey("team", "web")).ShouldNotBeNull();
        }

        (await watch.NextAsync()).ShouldBe(("DELETED", "Running"));
    }

    /// <summary>kubectl wait hangs where a watch has no headers before its first change.</summary>
    [Fact]
    public async Task A_watch_has_begun_though_nothing_happens()
    {
        await using var host = await AloneHost.StartAsync();
        var version = (await host.GetAsync(AloneHost.Vmis))["metadata"]!["resourceVersion"]!.GetValue<string>();
        using var watch = await WatchAsync(host, $"?watch=1&resourceVersion={version}").WaitAsync(Limit);
        await host.EnrolAsync();
        (await watch.NextAsync()).ShouldBe(("ADDED", "Pending"));
    }

    [Fact]
    public async Task A_watch_without_a_version_begins_with_what_is_there()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using var watch = await WatchAsync(host, "?watch=true&timeoutSeconds=30");
        (await watch.NextAsync()).ShouldBe(("ADDED", "Pending"));
        await host.EnrolAsync("second");
        (await watch.NextAsync()).ShouldBe(("ADDED", "Pending"));
    }

    [Fact]
    public async Task A_version_that_is_no_longer_kept_is_gone()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using (var store = host.OpenBeside())
        {
            var vm = store.Vms().Single().Object;
            for (var count = 0; count <= Coordinator.Alone.Store.AloneStore.MostChanges; count++)
            {
                store.Save(vm);
            }
        }

        foreach (var version in new[] { "1", "999999" })
        {
            var gone = await host.GetAsync($"{AloneHost.Vmis}?watch=1&resourceVersion={version}", HttpStatusCode.Gone);
            gone["reason"]!.GetValue<string>().ShouldBe("Expired");
        }
    }

    [Fact]
    public async Task To_delete_a_vm_is_to_shut_it_down_and_to_forget_it_when_it_has_ended()
    {
        await using var host = await AloneHost.StartAsync();
        var token = await host.EnrolAsync();
        using var client = host.Client();
        var path = new Uri($"{AloneHost.Vmis}/web", UriKind.Relative);
        var refused = await client.DeleteAsync(path);
        refused.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await refused.Content.ReadAsStringAsync()).ShouldContain("kvm-coordinator forget team/web");

        var (agent, _) = await host.LinkAsync(token);
        using (agent)
        {
            await agent.TransitionAsync(1, VmPhase.Running);
            var deleting = client.DeleteAsync(path);
            var request = (await agent.ReceiveAsync())!.Value;
            request.GetProperty("method").GetString().ShouldBe(LinkMethods.Shutdown);
            await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"result":{}}""");
            (await deleting).StatusCode.ShouldBe(HttpStatusCode.OK);
            (await host.VmAsync())["metadata"]!["deletionTimestamp"].ShouldNotBeNull();
            await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":99,"method":"transition","params":{"start":{"id":"a-start","time":"1970-01-01T00:00:00Z"},"sequence":2,"time":"1970-01-01T00:00:00Z","phase":"Stopped","reason":null,"exitCode":0}}""");
            await agent.GoodbyeAsync();
        }

        await host.GetAsync($"{AloneHost.Vmis}/web", HttpStatusCode.NotFound);
        await host.EnrolAsync();
    }

    [Fact]
    public async Task A_vm_that_has_ended_is_forgotten_at_once()
    {
        await using var host = await AloneHost.StartAsync();
        var (agent, _) = await host.LinkAsync(await host.EnrolAsync());
        using (agent)
        {
            await agent.TransitionAsync(1, VmPhase.Failed, "no disk", 64);
        }

        using var client = host.Client();
        (await client.DeleteAsync(new Uri($"{AloneHost.Vmis}/web?dryRun=All", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await host.VmAsync())["status"]!["reason"]!.GetValue<string>().ShouldBe("InvalidSpec");
        (await client.DeleteAsync(new Uri($"{AloneHost.Vmis}/web", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await host.GetAsync($"{AloneHost.Vmis}/web", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Subresources_are_those_of_a_cluster_and_machines_are_not_there()
    {
        await using var host = await AloneHost.StartAsync();
        const string root = "/apis/subresources.kubevirt.io/v1/namespaces/team";
        var (agent, _) = await host.LinkAsync(await host.EnrolAsync());
        using var client = host.Client();
        using (agent)
        {
            (await client.PutAsync(new Uri($"{root}/virtualmachineinstances/web/pause", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.Conflict, "it does not run");
            await agent.TransitionAsync(1, VmPhase.Running);
            var pausing = client.PutAsync(new Uri($"{root}/virtualmachineinstances/web/pause", UriKind.Relative), null);
            var request = (await agent.ReceiveAsync())!.Value;
            request.GetProperty("method").GetString().ShouldBe(LinkMethods.Pause);
            await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"result":{}}""");
            (await pausing).StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        var stop = await client.PutAsync(new Uri($"{root}/virtualmachines/web/stop", UriKind.Relative), null);
        stop.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stop.Content.ReadAsStringAsync()).ShouldContain("kubectl delete vmi web");
        await host.GetAsync("/apis/kubevirt.io/v1/namespaces/team/virtualmachines/web", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Health_and_metrics_are_as_in_a_cluster()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        using var client = host.Client(health: true);
        (await client.GetStringAsync(new Uri("/healthz", UriKind.Relative))).ShouldBe("ok");
        (await client.GetStringAsync(new Uri("/readyz", UriKind.Relative))).ShouldBe("ok");
        (await client.GetStringAsync(new Uri("/metrics", UriKind.Relative))).ShouldContain("kubevirt_vmi_info{node=\"\",namespace=\"team\",name=\"web\",phase=\"pending\"");
    }

    [Theory]
    [InlineData("", "abc")]
    [InlineData("app=web", "a")]
    [InlineData("app == web , tier", "a")]
    [InlineData("app!=web", "bc")]
    [InlineData("app", "ab")]
    [InlineData("!app", "c")]
    [InlineData("app in (web, db)", "ab")]
    [InlineData("app notin (web,db)", "c")]
    [InlineData("in=1", "b")]
    public void Label_selectors_are_kubernetes(string text, string expected)
    {
        var objects = new Dictionary<string, Dictionary<string, string>>
        {
            ["a"] = new() { ["app"] = "web", ["tier"] = "front" },
            ["b"] = new() { ["app"] = "db", ["in"] = "1" },
            ["c"] = [],
        };
        var selector = LabelSelector.Parse(text);
        string.Concat(objects.Where(o => selector.Matches(o.Value)).Select(static o => o.Key)).ShouldBe(expected);
    }

    private static async Task<string[]> NamesAsync(AloneHost host, string path) =>
        [.. (await host.GetAsync(path))["items"]!.AsArray().Select(static i => i!["metadata"]!["name"]!.GetValue<string>())];

    private static async Task<RunningWatch> WatchAsync(AloneHost host, string query)
    {
        var client = host.Client();
        var answer = await client.GetAsync(new Uri(AloneHost.Vmis + query, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        return new RunningWatch(client, new StreamReader(await answer.Content.ReadAsStreamAsync()));
    }

    private sealed class RunningWatch(HttpClient client, StreamReader lines) : IDisposable
    {
        public async Task<(string Type, string Phase)> NextAsync()
        {
            using var limit = new CancellationTokenSource(Limit);
            var change = JsonNode.Parse((await lines.ReadLineAsync(limit.Token)).ShouldNotBeNull())!;
            return (change["type"]!.GetValue<string>(), change["object"]!["status"]!["phase"]!.GetValue<string>());
        }

        public void Dispose()
        {
            lines.Dispose();
            client.Dispose();
        }
    }
}
