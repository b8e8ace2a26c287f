using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>The management API of a whole coordinator: what people ask, and what comes of it in the cluster.</summary>
public sealed class VmRoutesTests : IAsyncLifetime
{
    private const string Web = "/kubevirt/vms/shop/web";

    private ManagementCluster _management = null!;

    public async Task InitializeAsync() => _management = await ManagementCluster.StartAsync();

    public async Task DisposeAsync() => await _management.DisposeAsync();

    [Fact]
    public async Task A_machine_is_made_started_paused_restarted_stopped_and_deleted()
    {
        var (code, body) = await _management.PostAsync("/kubevirt/vms", new JsonObject { ["manifest"] = Manifest("web") });
        (code, (string?)body["id"]).ShouldBe((201, "shop/web"));
        await _management.ShownAsync("web", "stopped");

        (await _management.PostAsync($"{Web}/start")).Code.ShouldBe(200);
        await _management.Cluster.RunningAsync("web");
        await _management.ShownAsync("web", "running");

        (await _management.PostAsync($"{Web}/pause")).Code.ShouldBe(200);
        await _management.ShownAsync("web", "paused");
        (await _management.PostAsync($"{Web}/unpause")).Code.ShouldBe(200);
        await _management.ShownAsync("web", "running");

        var first = _management.Cluster.Uid("web");
        (code, body) = await _management.PostAsync($"{Web}/restart");
        (code, (string?)body["message"]).ShouldBe((200, "shop/web has shut down and is starting"));
        _management.Cluster.Uid("web").ShouldNotBe(first, "it answers only when the former instance is gone");
        await _management.Cluster.RunningAsync("web", first);

        (await _management.PostAsync($"{Web}/stop", new JsonObject { ["grace_period_seconds"] = 5 })).Code.ShouldBe(200);
        await _management.Cluster.StoppedAsync("web");
        (await _management.SendAsync(HttpMethod.Delete, Web)).Code.ShouldBe(200);
        await _management.Cluster.GoneAsync("web");
        await Until.TrueAsync(async () => (int)(await _management.ListAsync())["total"]! == 0);
    }

    [Fact]
    public async Task A_machine_is_told_with_its_manifest_and_its_instance()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        var (code, body) = await _management.SendAsync(HttpMethod.Get, Web);
        code.ShouldBe(200);
        ((string?)body["vm"]!["status"], (bool?)body["vm"]!["ready"], (long?)body["vm"]!["memory_bytes"]).ShouldBe(("Running", true, 256L << 20), "the agent knows best");
        ((string?)body["manifest"]!["kind"], (string?)body["instance"]!["status"]!["phase"]).ShouldBe(("VirtualMachine", "Running"));
        body["manifest"]!["metadata"]!["managedFields"].ShouldBeNull();
    }

    [Fact]
    public async Task Lists_come_in_pages_and_are_searched()
    {
        foreach (var name in new[] { "c", "a", "b" })
        {
            _management.Cluster.Apply(name, "Halted");
        }

        _management.Cluster.Server.Update("kubevirt.io", "virtualmachines", ManagementCluster.Namespace, "b", static vm => vm["metadata"]!["labels"] = new JsonObject { ["tier"] = "db" });
        foreach (var name in new[] { "c", "a", "b" })
        {
            await _management.ShownAsync(name, "stopped");
        }

        var page = await _management.ListAsync(new JsonObject { ["all_namespaces"] = true, ["limit"] = 2 });
        (Names(page), (int?)page["total"]).ShouldBe(("a b", 3));
        page = await _management.ListAsync(new JsonObject { ["all_namespaces"] = true, ["limit"] = 2, ["continue"] = (string?)page["continue"] });
        (Names(page), (string?)page["continue"]).ShouldBe(("c", null));
        Names(await _management.ListAsync(new JsonObject { ["namespace"] = "shop", ["search"] = "A" })).ShouldBe("a");
        Names(await _management.ListAsync(new JsonObject { ["namespace"] = "other" })).ShouldBe("");
        Names(await _management.ListAsync(new JsonObject { ["namespace"] = "shop", ["labels"] = new JsonObject { ["tier"] = "db" } })).ShouldBe("b");
    }

    [Fact]
    public async Task A_caller_can_do_what_it_may_in_the_cluster_and_no_more()
    {
        _management.Cluster.Apply("web", "Halted");
        await _management.ShownAsync("web", "stopped");
        _management.Cluster.Server.AddUser("reader", "reader", static request => request.Method == "GET");
        _management.Cluster.Server.Access = static spec => (string?)spec["user"] == "reader" && (string?)spec["resourceAttributes"]!["verb"] == "list";

        (await _management.PostAsync("/kubevirt/vms/list", new JsonObject { ["namespace"] = "shop" }, "reader")).Code.ShouldBe(200);
        (await _management.SendAsync(HttpMethod.Get, Web, token: "reader")).Code.ShouldBe(200);
        foreach (var (method, path, body) in new[]
        {
            (HttpMethod.Post, $"{Web}/start", null),
            (HttpMethod.Delete, Web, null),
            (HttpMethod.Post, "/kubevirt/vms", new JsonObject { ["manifest"] = Manifest("other") }),
        })
        {
            var (code, answer) = await _management.SendAsync(method, path, body, "reader");
            code.ShouldBe(403);
            ((string)answer["error"]!).ShouldContain("forbidden");
        }

        var (refused, why) = await _management.PostAsync("/kubevirt/vms/list", new JsonObject { ["all_namespaces"] = true }, ManagementCluster.Jane);
        refused.ShouldBe(403);
        ((string)why["error"]!).ShouldContain("User \"jane\" cannot list resource \"virtualmachine");
        _management.Cluster.Machine("other").ShouldBeNull();
        ((string?)_management.Cluster.Machine("web")!["spec"]!["runStrategy"]).ShouldBe("Halted");
    }

    [Theory]
    [InlineData("", 401, "there is no token")]
    [InlineData("guessed", 401, "the token is wrong or has expired")]
    public async Task Nobody_is_answered_without_a_token(string token, int code, string why)
    {
        var (refused, body) = await _management.PostAsync("/kubevirt/vms/list", token: token);
        refused.ShouldBe(code);
        ((string)body["error"]!).ShouldContain(why);
        body["timestamp"].ShouldNotBeNull();
    }

    [Fact]
    public async Task What_makes_no_sense_is_told_with_its_value_and_remedy()
    {
        var cases = new (HttpMethod Method, string Path, string? Body, int Code, string Why)[]
        {
            (HttpMethod.Post, "/kubevirt/vms/list", """{"limit":0}""", 400, "limit=0 is not possible; give a number from 1 to 1000"),
            (HttpMethod.Post, "/kubevirt/vms/list", """{"continue":"%"}""", 400, "continue=\"%\" is none that a list told"),
            (HttpMethod.Post, "/kubevirt/vms/list", """{"power_state":"on"}""", 400, "power_state=\"on\" is not known; give running"),
            (HttpMethod.Post, "/kubevirt/vms/list", """{"namespace":"a","all_namespaces":true}""", 400, "exclude one another"),
            (HttpMethod.Post, "/kubevirt/vms/list", """{"namespaces":"a"}""", 400, "namespaces"),
            (HttpMethod.Post, "/kubevirt/vms/list", """{"provider":"mars"}""", 404, "provider \"mars\" not found; the list of providers has those that there are"),
            (HttpMethod.Post, "/kubevirt/vms/list", "[]", 400, "not understood"),
            (HttpMethod.Get, "/kubevirt/vms/shop/none", null, 404, "machine shop/none not found"),
            (HttpMethod.Delete, "/kubevirt/vms/shop/none", null, 404, "machine shop/none not found"),
            (HttpMethod.Post, "/kubevirt/vms/shop/none/start", null, 404, "machine shop/none not found"),
            (HttpMethod.Post, "/kubevirt/vms/shop/none/restart", null, 404, "machine shop/none not found"),
            (HttpMethod.Post, "/kubevirt/vms/shop/None/start", null, 400, "name=\"None\" is no name in Kubernetes"),
            (HttpMethod.Get, "/kubevirt/vms/shop/a%2F..%2Fb", null, 400, "is no name in Kubernetes"),
            (HttpMethod.Get, "/kubevirt/vms/..%2F../web", null, 400, "is no name in Kubernetes"),
            (HttpMethod.Post, "/kubevirt/vms/shop/web/stop", """{"grace_period_seconds":-1}""", 400, "grace_period_seconds=-1 is not possible"),
            (HttpMethod.Post, "/kubevirt/vms", "{}", 400, "manifest is missing"),
            (HttpMethod.Post, "/kubevirt/vms", """{"manifest":{"apiVersion":"v1","kind":"Pod"}}""", 400, "manifest is v1 Pod; give a kubevirt.io/v1 VirtualMachine"),
            (HttpMethod.Post, "/kubevirt/vms", """{"manifest":{"apiVersion":"kubevirt.io/v1","kind":"VirtualMachine","metadata":{}}}""", 400, "manifest.metadata.name is missing"),
            (HttpMethod.Post, "/kubevirt/vms/shop/web/migrate", null, 501, "migrate is not there yet"),
            (HttpMethod.Post, "/kubevirt/vms/shop/web/snapshot", null, 501, "not there yet"),
            (HttpMethod.Get, "/kubevirt/vms/shop/web/snapshots", null, 501, "not there yet"),
            (HttpMethod.Post, "/kubevirt/vms/shop/web/restore", null, 501, "not there yet"),
            (HttpMethod.Get, "/nothing", null, 404, "there is no GET /nothing; /openapi.json says what there is"),
        };
        foreach (var (method, path, text, expected, why) in cases)
        {
            var (code, body) = await _management.SendAsync(method, path, text is null ? null : JsonNode.Parse(text));
            code.ShouldBe(expected, $"{method} {path} {text}: {body.ToJsonString()}");
            ((string)body["error"]!).ShouldContain(why);
        }
    }

    [Fact]
    public async Task A_machine_that_runs_is_not_started_again_and_says_why()
    {
        _management.Cluster.Apply("web");
        await _management.Cluster.RunningAsync("web");
        var (code, body) = await _management.PostAsync($"{Web}/start");
        code.ShouldBe(409);
        ((string)body["error"]!).ShouldContain("Always does not support manual start requests");
    }

    private static string Names(JsonNode list) => string.Join(' ', list["vms"]!.AsArray().Select(static vm => (string?)vm!["name"]));

    private static JsonNode Manifest(string name) => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: {{name}}, namespace: {{ManagementCluster.Namespace}} }
        spec:
          runStrategy: Manual
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """).Single();
}
