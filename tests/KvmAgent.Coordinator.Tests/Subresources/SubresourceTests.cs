using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Subresources;

/// <summary>The aggregated API as a client of the API server's sees it, without the front proxy's TLS.</summary>
public sealed class SubresourceTests : IAsyncLifetime, IDisposable
{
    private const string Root = "/apis/subresources.kubevirt.io";

    private readonly CancellationTokenSource _stop = new();
    private TestApiServer _server = null!;
    private KubernetesClient _client = null!;
    private MachineCache _cache = null!;
    private WebApplication _application = null!;
    private HttpClient _http = null!;
    private Task _running = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync("shop");
        _client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
        _cache = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        _running = _cache.RunAsync(_stop.Token);
        var all = SubresourceList.Of(_client, _cache.Sizes, new InstanceLinks(_client, new AgentRegistry(), null, TimeProvider.System));
        var api = new SubresourceApi(all, new SubresourceAccess(_client).AdmitAsync, null, NullLogger<SubresourceApi>.Instance);
        (_application, var bound) = await Listener.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), null, api.Map, NullLoggerFactory.Instance, CancellationToken.None);
        _http = new HttpClient { BaseAddress = new Uri($"http://{bound}") };
    }

    [Theory]
    [InlineData("Halted", null, "start", "{}", 202, "spec.runStrategy=Always")]
    [InlineData("Halted", null, "start", """{"paused":true}""", 202, "spec.runStrategy=Always", "Start/paused")]
    [InlineData("Halted", null, "start", """{"dryRun":["All"]}""", 202, "spec.runStrategy=Halted")]
    [InlineData("Halted", null, "stop", "{}", 409, "VM is not running")]
    [InlineData("Halted", null, "restart", "{}", 409, "Halted does not support manual restart requests")]
    [InlineData("Always", "Running", "start", "{}", 409, "Always does not support manual start requests")]
    [InlineData("Always", "Running", "stop", "{}", 202, "spec.runStrategy=Halted")]
    [InlineData("Always", "Running", "stop", """{"gracePeriod":0}""", 202, "spec.runStrategy=Halted", "Stop/gracePeriodSeconds")]
    [InlineData("Always", "Running", "restart", "{}", 202, "Stop", "Start")]
    [InlineData("Always", "Running", "restart", """{"gracePeriodSeconds":0}""", 202, "Stop/gracePeriodSeconds", "Start")]
    [InlineData("Always", null, "restart", "{}", 409, "VM is not running")]
    [InlineData("Manual", null, "start", "{}", 202, "Start")]
    [InlineData("Manual", "Running", "start", "{}", 409, "VM is already running")]
    [InlineData("Manual", "Succeeded", "start", "{}", 202, "Stop", "Start")]
    [InlineData("Manual", "Running", "stop", "{}", 202, "Stop")]
    [InlineData("Manual", null, "stop", "{}", 409, "VM is not running")]
    [InlineData("RerunOnFailure", null, "stop", "{}", 202, "spec.runStrategy=Halted")]
    [InlineData("Once", "Running", "start", "{}", 409, "Once does not support manual start requests")]
    [InlineData("Once", "Running", "restart", "{}", 409, "Once does not support manual restart requests")]
    [InlineData("Always", "Running", "migrate", "{}", 409, "live migration is not supported")]
    [InlineData("Always", "Running", "addvolume", "{}", 409, "cannot be added")]
    [InlineData("Always", "Running", "stop", """{"gracePeriod":-1}""", 400, "is no number of seconds")]
    [InlineData("Always", "Running", "stop", """{"dryRun":["Some"]}""", 400, "dryRun")]
    [InlineData("Always", "Running", "stop", "[1]", 400, "no JSON object")]
    [InlineData("Always", "Running", "stop", "{", 400, "is not JSON")]
    public async Task Machines_are_started_and_stopped_by_their_strategy(
        string strategy, string? phase, string verb, string body, int code, params string[] expected)
    {
        Create(strategy, phase);
        var answer = await PutAsync($"virtualmachines/web/{verb}", body);
        answer.Code.ShouldBe(code, answer.Body);
        if (code != 202)
        {
            var status = JsonNode.Parse(answer.Body)!;
            ((string?)status["kind"], (int?)status["code"]).ShouldBe(("Status", code));
            ((string?)status["message"]).ShouldNotBeNull().ShouldContain(expected[0]);
            return;
        }

        answer.Body.ShouldBeEmpty();
        var vm = _server.Get("kubevirt.io", "virtualmachines", "shop", "web")!;
        var requests = (vm["status"]?["stateChangeRequests"] as JsonArray ?? [])
            .Select(static r => string.Join('/', new[] { (string)r!["action"]! }.Concat((r["data"] as JsonObject ?? []).Select(static d => d.Key))));
        var wanted = expected.Where(static e => !e.StartsWith("spec.", StringComparison.Ordinal));
        requests.ShouldBe(wanted);
        ((string?)vm["spec"]!["runStrategy"]).ShouldBe(expected[0].StartsWith("spec.", StringComparison.Ordinal) ? expected[0].Split('=')[1] : strategy);
    }

    [Fact]
    public async Task A_machine_that_says_running_is_started_by_it()
    {
        var vm = Machine("Halted");
        vm["spec"]!.AsObject().Remove("runStrategy");
        vm["spec"]!["running"] = false;
        _server.Create(vm);
        (await PutAsync("virtualmachines/web/start", "{}")).Code.ShouldBe(202);
        ((bool?)_server.Get("kubevirt.io", "virtualmachines", "shop", "web")!["spec"]!["running"]).ShouldBe(true);
    }

    [Theory]
    [InlineData("PUT", "virtualmachines/absent/start", 404, "\"absent\" not found")]
    [InlineData("PUT", "virtualmachineinstances/absent/pause", 404, "\"absent\" not found")]
    [InlineData("PUT", "virtualmachineinstances/web/pause", 503, "has no link")]
    [InlineData("GET", "virtualmachineinstances/web/guestosinfo", 503, "has no link")]
    [InlineData("GET", "virtualmachineinstances/web/console", 400, "ask for an upgrade")]
    [InlineData("GET", "virtualmachines/web/portforward/70000", 400, "port 70000")]
    [InlineData("GET", "virtualmachines/web/portforward/22/sctp", 400, "protocol sctp")]
    [InlineData("GET", "virtualmachines/web/nothing", 404, "could not find")]
    public async Task What_cannot_be_done_is_told_as_a_status(string method, string path, int code, string message)
    {
        Create("Always", "Running");
        var answer = await SendAsync(new HttpMethod(method), $"{Root}/v1/namespaces/shop/{path}");
        answer.Code.ShouldBe(code, answer.Body);
        ((string?)JsonNode.Parse(answer.Body)!["message"]).ShouldNotBeNull().ShouldContain(message);
    }

    [Fact]
    public async Task Nobody_may_do_what_the_api_server_does_not_allow()
    {
        Create("Always", "Running");
        JsonObject? asked = null;
        _server.Access = spec =>
        {
            asked = spec;
            return false;
        };
        var answer = await PutAsync("virtualmachines/web/stop", "{}", "jane");
        answer.Code.ShouldBe(403);
        answer.Body.ShouldContain("jane");
        asked.ShouldNotBeNull();
        ((string?)asked["user"]).ShouldBe("jane");
        asked["groups"]!.AsArray().Select(static g => (string)g!).ShouldBe(["dev"]);
        var what = asked["resourceAttributes"]!;
        ((string?)what["verb"], (string?)what["group"], (string?)what["resource"], (string?)what["subresource"], (string?)what["name"], (string?)what["namespace"])
            .ShouldBe(("update", "subresources.kubevirt.io", "virtualmachines", "stop", "web", "shop"));
        ((string?)_server.Get("kubevirt.io", "virtualmachines", "shop", "web")!["spec"]!["runStrategy"]).ShouldBe("Always");
    }

    [Fact]
    public async Task A_request_without_a_user_is_nobodys()
    {
        Create("Always", "Running");
        (await PutAsync("virtualmachines/web/stop", "{}", user: null)).Code.ShouldBe(403);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    [InlineData("/v1alpha3")]
    [InlineData("/v1/version")]
    [InlineData("/v1/healthz")]
    public async Task What_everybody_asks_first_needs_no_user(string path)
    {
        var answer = await SendAsync(HttpMethod.Get, Root + path, user: null);
        answer.Code.ShouldBe(200);
        JsonNode.Parse(answer.Body).ShouldBeOfType<JsonObject>();
    }

    [Fact]
    public async Task Discovery_lists_each_subresource_once_with_its_verbs()
    {
        var answer = await SendAsync(HttpMethod.Get, Root + "/v1", user: null);
        var resources = JsonNode.Parse(answer.Body)!["resources"]!.AsArray().ToDictionary(static r => (string)r!["name"]!, static r => string.Join(',', r!["verbs"]!.AsArray()));
        resources["virtualmachines/start"].ShouldBe("update");
        resources["virtualmachineinstances/console"].ShouldBe("get");
        resources["virtualmachineinstances/vnc"].ShouldBe("get");
    }

    [Fact]
    public async Task A_spec_is_expanded()
    {
        _server.Create(JsonNode.Parse("""
            {"apiVersion":"instancetype.kubevirt.io/v1beta1","kind":"VirtualMachineClusterInstancetype","metadata":{"name":"small"},
             "spec":{"cpu":{"guest":2},"memory":{"guest":"1Gi"}}}
            """)!.AsObject());
        var vm = Machine("Halted");
        vm["spec"]!["instancetype"] = new JsonObject { ["name"] = "small" };
        vm["spec"]!["template"]!["spec"]!["domain"] = new JsonObject { ["devices"] = new JsonObject() };
        _server.Create(vm);
        JsonNode? expanded = null;
        await Until.TrueAsync(async () =>
        {
            var answer = await SendAsync(HttpMethod.Get, $"{Root}/v1/namespaces/shop/virtualmachines/web/expand-spec");
            expanded = JsonNode.Parse(answer.Body);
            return answer.Code == 200;
        });
        ((string?)expanded!["spec"]!["template"]!["spec"]!["domain"]!["memory"]!["guest"]).ShouldBe("1Gi");
        expanded["spec"]!["instancetype"].ShouldBeNull();
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _application.DisposeAsync();
        await _server.DisposeAsync();
    }

    public void Dispose()
    {
        _client.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private void Create(string strategy, string? phase)
    {
        _server.Create(Machine(strategy));
        if (phase is not null)
        {
            _server.Create(JsonNode.Parse("""
                {"apiVersion":"kubevirt.io/v1","kind":"VirtualMachineInstance","metadata":{"name":"web","namespace":"shop"},
                 "spec":{"domain":{"memory":{"guest":"1Gi"}}}}
                """)!.AsObject());
            _server.SetStatus("kubevirt.io", "virtualmachineinstances", "shop", "web", new JsonObject { ["phase"] = phase });
        }
    }

    private static JsonObject Machine(string strategy) => new()
    {
        ["apiVersion"] = "kubevirt.io/v1",
        ["kind"] = "VirtualMachine",
        ["metadata"] = new JsonObject { ["name"] = "web", ["namespace"] = "shop" },
        ["spec"] = new JsonObject
        {
            ["runStrategy"] = strategy,
            ["template"] = new JsonObject { ["spec"] = new JsonObject { ["domain"] = new JsonObject { ["memory"] = new JsonObject { ["guest"] = "1Gi" } } } },
        },
    };

    private Task<(int Code, string Body)> PutAsync(string path, string body, string? user = TestApiServer.AdminUser) =>
        SendAsync(HttpMethod.Put, $"{Root}/v1/namespaces/shop/{path}", body, user);

    private async Task<(int Code, string Body)> SendAsync(HttpMethod method, string path, string? body = null, string? user = TestApiServer.AdminUser)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body) };
        if (user is not null)
        {
            request.Headers.Add("X-Remote-User", user);
            request.Headers.Add("X-Remote-Group", "dev");
        }

        using var response = await _http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
