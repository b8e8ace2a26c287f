using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Coordinator.Tests.Faults;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Tests.Rest;

/// <summary>A whole coordinator in a cluster of fake agents, whose API server hands subresources on to it; and people who ask its management API.</summary>
internal sealed class ManagementCluster : IAsyncDisposable
{
    public const string Namespace = FaultCluster.Namespace, Jane = "jane";

    private readonly HttpClient _http = new(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true });
    private readonly Func<Task<RunningCoordinator>> _begin;
    private RunningCoordinator _coordinator = null!;

    private ManagementCluster(FaultCluster cluster, Func<Task<RunningCoordinator>> begin) => (Cluster, _begin) = (cluster, begin);

    /// <summary>Whom requests are sent to that name nobody else.</summary>
    public RunningCoordinator Coordinator => _coordinator;

    public FaultCluster Cluster { get; }

    public Uri Address => new($"https://{_coordinator.Management}");

    /// <summary>PEM of what its certificate is of.</summary>
    public string Authority => Encoding.ASCII.GetString(Convert.FromBase64String((string)Cluster.Server.Get("apiregistration.k8s.io", "apiservices", "", $"v1.{SubresourceApi.Group}")!["spec"]!["caBundle"]!));

    /// <param name="https">For a cluster that is another coordinator's provider.</param>
    /// <param name="logs">Null: nobody reads them.</param>
    /// <param name="database">Null: there is none.</param>
    public static async Task<ManagementCluster> StartAsync(bool https = false, ILoggerFactory? logs = null, TestDatabase? database = null)
    {
        var cluster = await FaultCluster.StartAsync(https: https);
        foreach (var version in SubresourceApi.Versions)
        {
            cluster.Server.Create(new JsonObject
            {
                ["apiVersion"] = "apiregistration.k8s.io/v1",
                ["kind"] = "APIService",
                ["metadata"] = new JsonObject { ["name"] = $"{version}.{SubresourceApi.Group}" },
                ["spec"] = new JsonObject
                {
                    ["group"] = SubresourceApi.Group,
                    ["version"] = version,
                    ["groupPriorityMinimum"] = 1000,
                    ["versionPriority"] = 15,
                    ["service"] = new JsonObject { ["name"] = "kvm-coordinator", ["namespace"] = FaultCluster.SystemNamespace, ["port"] = 443 },
                },
            });
        }

        cluster.Server.AddUser(Jane, Jane);
        var management = new ManagementCluster(cluster, () => cluster.CoordinateAsync(logs: logs, database: database));
        await management.BeginAsync();
        await cluster.UntilAsync(
            () => cluster.Server.Get("apiregistration.k8s.io", "apiservices", "", $"v1.{SubresourceApi.Group}")!["spec"]!["caBundle"] is not null, "the APIService has no caBundle");
        return management;
    }

    /// <summary>The coordinator is there again, elsewhere.</summary>
    public async Task BeginAsync()
    {
        _coordinator = await _begin();
        Cluster.Server.Aggregate(SubresourceApi.Group, _coordinator.Api, Cluster.FrontProxy.Client("front-proxy-client"));
    }

    /// <summary>There is none any more.</summary>
    public ValueTask EndAsync() => _coordinator.DisposeAsync();

    /// <param name="token">Null: the administrator's; empty: none.</param>
    /// <param name="at">Another replica; null: the first.</param>
    public Task<(int Code, JsonNode Body)> SendAsync(HttpMethod method, string path, JsonNode? body = null, string? token = null, RunningCoordinator? at = null) =>
        SendAsync(method, path, body is null ? null : JsonContent.Create(body), token, at);

    /// <param name="json">As it is: also what no JSON of a program would be.</param>
    public Task<(int Code, JsonNode Body)> PostTextAsync(string path, string json) => SendAsync(HttpMethod.Post, path, new StringContent(json, Encoding.UTF8, "application/json"), null, null);

    private async Task<(int Code, JsonNode Body)> SendAsync(HttpMethod method, string path, HttpContent? content, string? token, RunningCoordinator? at)
    {
        using var request = new HttpRequestMessage(method, $"https://{(at ?? _coordinator).Management}{path}") { Content = content };
        if (token != "")
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token ?? Cluster.Server.Token);
        }

        using var response = await _http.SendAsync(request);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        return ((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<JsonNode>())!);
    }

    public Task<(int Code, JsonNode Body)> PostAsync(string path, JsonNode? body = null, string? token = null, RunningCoordinator? at = null) => SendAsync(HttpMethod.Post, path, body, token, at);

    public async Task<JsonNode> ListAsync(JsonNode? body = null)
    {
        var (code, answer) = await PostAsync("/kubevirt/vms/list", body ?? new JsonObject { ["namespace"] = Namespace });
        code.ShouldBe((int)HttpStatusCode.OK, answer.ToJsonString());
        return answer;
    }

    /// <summary>Waits until the list shows a machine as wanted.</summary>
    public Task ShownAsync(string name, string powerState) => Until.TrueAsync(
        async () => (string?)(await ListAsync())["vms"]!.AsArray().FirstOrDefault(vm => (string?)vm!["name"] == name)?["power_state"] == powerState, $"{name} is {powerState}");

    /// <summary>As a kubelet registers it; its machine's id is its name behind <c>id-</c>.</summary>
    public void CreateNode(string name, string architecture, string cpus, string memory, bool unschedulable = false) => Cluster.Server.Create(Yaml.Documents(
        $$"""
        apiVersion: v1
        kind: Node
        metadata: {name: {{name}} }
        spec: {unschedulable: {{(unschedulable ? "true" : "false")}} }
        status:
          capacity: {cpu: "{{cpus}}", memory: {{memory}} }
          addresses: [{type: InternalIP, address: 10.0.0.7}, {type: Hostname, address: {{name}} }]
          conditions: [{type: Ready, status: "True"}]
          nodeInfo:
            architecture: {{architecture}}
            kernelVersion: 6.1.0-28-cloud-amd64
            osImage: Debian GNU/Linux 12 (bookworm)
            operatingSystem: linux
            machineID: id-{{name}}
            kubeletVersion: v1.32.1
            containerRuntimeVersion: containerd://1.7.24
        """).Single().AsObject());

    /// <summary>A pod of somebody's, whose container runs an image.</summary>
    /// <param name="image">Its name, without a tag.</param>
    /// <param name="imageId">As the container runtime tells it.</param>
    public void Run(string name, string image, string imageId)
    {
        Cluster.Server.Create(Yaml.Documents(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}, namespace: {{Namespace}}}
            spec: {containers: [{name: main, image: "{{image}}:latest"}]}
            """).Single().AsObject());
        Cluster.Server.SetStatus("", "pods", Namespace, name, new JsonObject
        {
            ["phase"] = "Running",
            ["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "main",
                ["imageID"] = imageId,
                ["state"] = new JsonObject { ["running"] = new JsonObject { ["startedAt"] = "2026-01-01T00:00:00Z" } },
            }),
        });
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Cluster.DisposeAsync();
    }
}
