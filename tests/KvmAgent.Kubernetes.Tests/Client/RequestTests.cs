using System.Text.Json.Nodes;
using KvmAgent.Kubernetes.Resources;
using KvmAgent.Kubernetes.Tests.Support;

namespace KvmAgent.Kubernetes.Tests.Client;

public sealed class RequestTests : IAsyncLifetime
{
    private const string Collection = "/apis/test.kvm/v1/namespaces/a/widgets";

    private static readonly CancellationToken _ct = CancellationToken.None;

    private ScriptedServer _server = null!;
    private KubernetesClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.Answer = static (_, context) => context.Answer(200, Widget.Of("x", version: "7").Json());
        _client = _server.Client();
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Each_verb_has_its_path_query_and_content_type()
    {
        var kind = Widget.Resource;
        var widget = Widget.Of("x");
        var patch = new JsonObject { ["spec"] = new JsonObject { ["color"] = null } };
        (await _client.GetAsync(kind, "a", "x", _ct)).Metadata.ResourceVersion.ShouldBe("7");
        await _client.CreateAsync(kind, widget, _ct);
        await _client.ReplaceAsync(kind, widget, null, _ct);
        await _client.ReplaceAsync(kind, widget, "status", _ct);
        await _client.ApplyAsync(kind, widget, new ApplyOptions { FieldManager = "me & you", Force = true }, _ct);
        await _client.ApplyAsync(kind, widget, new ApplyOptions { FieldManager = "me", Subresource = "status" }, _ct);
        await _client.MergePatchAsync(kind, "a", "x", patch, null, _ct);
        await _client.JsonPatchAsync(kind, "a", "x", [new JsonObject { ["op"] = "remove", ["path"] = "/spec" }], "status", _ct);
        await _client.DeleteAsync(kind, "a", "x", null, _ct);
        await _client.GetRawAsync("/version?timeout=5s", _ct);
        _server.Asked.Select(static a => $"{a.Method} {a.Target} {a.ContentType}".TrimEnd()).ShouldBe(
        [
            $"GET {Collection}/x",
            $"POST {Collection} application/json",
            $"PUT {Collection}/x application/json",
            $"PUT {Collection}/x/status application/json",
            $"PATCH {Collection}/x?fieldManager=me%20%26%20you&force=true application/apply-patch+yaml",
            $"PATCH {Collection}/x/status?fieldManager=me application/apply-patch+yaml",
            $"PATCH {Collection}/x application/merge-patch+json",
            $"PATCH {Collection}/x/status application/json-patch+json",
            $"DELETE {Collection}/x application/json",
            "GET /version?timeout=5s",
        ]);
        _server.Asked[6].Body.ShouldBe("""{"spec":{"color":null}}""");
    }

    [Fact]
    public async Task An_aggregated_api_that_declares_no_type_for_its_answers_takes_requests()
    {
        // go-restful, as in virt-api of KubeVirt: a route that declares none has none but "anything" to offer.
        _server.Answer = static (_, context) => context.Request.Headers.Accept.ToString().Split(',').Any(static a => a.Trim() == "*/*")
            ? context.Answer(202, "")
            : context.Answer(406, "406: Not Acceptable");
        (await _client.SendRawAsync(HttpMethod.Put, "/apis/subresources.kubevirt.io/v1/namespaces/a/virtualmachines/x/start", new JsonObject(), _ct)).ShouldBeEmpty();
        await _client.GetRawAsync("/apis/subresources.kubevirt.io/v1/namespaces/a/virtualmachineinstances/x/usage", _ct);
    }

    [Fact]
    public async Task Json_is_asked_for_first()
    {
        var accepted = "";
        _server.Answer = (_, context) =>
        {
            accepted = context.Request.Headers.Accept.ToString();
            return context.Answer(200, Widget.Of("x").Json());
        };
        await _client.GetAsync(Widget.Resource, "a", "x", _ct);
        accepted.ShouldStartWith("application/json,");
    }

    [Fact]
    public async Task A_deletion_says_which_one_and_how()
    {
        var options = new DeleteOptions { Uid = "u", ResourceVersion = "7", Propagation = Propagation.Foreground, GracePeriodSeconds = 0 };
        await _client.DeleteAsync(Widget.Resource, "a", "x", options, _ct);
        _server.Asked.Single().Body.ShouldBe(
            """{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Foreground","preconditions":{"uid":"u","resourceVersion":"7"}}""");
    }

    [Fact]
    public async Task What_is_not_known_survives_from_a_list_to_a_replacement()
    {
        const string Item = """{"metadata":{"name":"x","namespace":"a","managedFields":[{"manager":"m"}]},"spec":{"color":"red","size":{"of":[1,2.50]}},"status":{"ready":true}}""";
        _server.Answer = static (asked, context) => context.Answer(200, asked.Method == "GET" ? $$"""{"metadata":{},"items":[{{Item}}]}""" : asked.Body);
        var widget = (await _client.ListAsync(Widget.Resource, "a", null, _ct)).Items.Single();
        await _client.ReplaceAsync(Widget.Resource, widget with { Spec = widget.Spec with { Color = "blue" } }, null, _ct);
        var expected = Item.Insert(1, "\"apiVersion\":\"test.kvm/v1\",\"kind\":\"Widget\",").Replace("red", "blue");
        _server.Asked[1].Body.ShouldBe(expected);

        await _client.ApplyAsync(Widget.Resource, widget, new ApplyOptions { FieldManager = "m" }, _ct);
        JsonNode.Parse(_server.Asked[2].Body)!["metadata"]!["managedFields"].ShouldBeNull();
    }

    [Fact]
    public async Task A_missing_name_or_namespace_never_becomes_a_request_for_more()
    {
        foreach (var name in new[] { "", ".", ".." })
        {
            await Should.ThrowAsync<ArgumentException>(() => _client.DeleteAsync(Widget.Resource, "a", name, null, _ct));
        }

        await Should.ThrowAsync<ArgumentException>(() => _client.GetAsync(Widget.Resource, null, "x", _ct));
        await Should.ThrowAsync<ArgumentException>(() => _client.CreateAsync(Widget.Resource, Widget.Of("x") with { Metadata = new ObjectMeta() }, _ct));
        _server.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_list_comes_in_pages_and_begins_again_when_one_is_gone()
    {
        _server.Answer = (asked, context) => _server.Asked.Count switch
        {
            1 or 3 => context.Answer(200, $$$"""{"metadata":{"resourceVersion":"5","continue":"c/1"},"items":[{{{Widget.Of("x").Json()}}}]}"""),
            2 => context.Fail(410, "Expired"),
            _ => context.Answer(200, Widget.List("5", Widget.Of("y"))),
        };
        var list = await _client.ListAllAsync(Widget.Resource, null, new ListOptions { LabelSelector = "a in (b,c)", ResourceVersion = "0" }, _ct);
        list.Items.Select(static i => i.Metadata.Name).ShouldBe(["x", "y"]);
        list.Metadata.ResourceVersion.ShouldBe("5");
        const string First = "/apis/test.kvm/v1/widgets?labelSelector=a%20in%20%28b%2Cc%29&limit=500";
        _server.Asked.Select(static a => a.Target).ShouldBe(
            [First + "&resourceVersion=0", First + "&continue=c%2F1", First + "&resourceVersion=0", First + "&continue=c%2F1"]);
    }

    [Fact]
    public async Task A_list_whose_pages_always_go_is_had_in_one_page_at_last()
    {
        _server.Answer = static (asked, context) => asked.Target.Contains("continue", StringComparison.Ordinal)
            ? context.Fail(410, "Expired")
            : asked.Target.Contains("limit", StringComparison.Ordinal)
                ? context.Answer(200, """{"metadata":{"continue":"c"},"items":null}""")
                : context.Answer(200, Widget.List("5", Widget.Of("y")));
        (await _client.ListAllAsync(Widget.Resource, "a", null, _ct)).Items.Count.ShouldBe(1);
        _server.Asked.Count.ShouldBe(5);
    }
}
