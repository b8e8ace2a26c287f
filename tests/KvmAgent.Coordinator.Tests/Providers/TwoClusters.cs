using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>Two clusters, each with a coordinator, of which the first manages the machines of the other: by KubeVirt's API alone.</summary>
public abstract class TwoClusters : IAsyncLifetime
{
    private protected const string Root = "/kubevirt/providers", Web = "/kubevirt/vms/shop/web";

    private protected LogLines Logs { get; } = new();

    private protected ManagementCluster Own { get; private set; } = null!;

    private protected ManagementCluster Theirs { get; private set; } = null!;

    private protected TestApiServer Other => Theirs.Cluster.Server;

    public async Task InitializeAsync() => (Own, Theirs) = (await ManagementCluster.StartAsync(logs: Logs), await ManagementCluster.StartAsync(https: true));

    public async Task DisposeAsync()
    {
        await Own.DisposeAsync();
        await Theirs.DisposeAsync();
        Logs.Dispose();
    }

    private protected async Task AddAsync(string name, JsonObject body, Faults.RunningCoordinator? at = null)
    {
        var (code, answer) = await Own.PostAsync($"{Root}/add", With(body, "name", name), at: at);
        (code, (string?)answer["message"]).ShouldBe((201, $"provider {name} is added"), answer.ToJsonString());
    }

    private protected async Task<JsonNode> OkAsync(string path, JsonNode? body = null, int expected = 200)
    {
        var (code, answer) = await Own.PostAsync(path, body);
        code.ShouldBe(expected, answer.ToJsonString());
        return answer;
    }

    private protected async Task StateAsync(string name, string state, string? why)
    {
        JsonNode? told = null;
        await Until.TrueAsync(async () => (string?)(told = (await OkAsync($"{Root}/get", Named(name)))["provider"])!["state"] == state && (why is null || ((string?)told!["message"])!.Contains(why, StringComparison.Ordinal)), $"{name} {state} {why}");
    }

    private protected Task ShownAsync(string powerState) => Until.TrueAsync(
        async () => (string?)(await OkAsync("/kubevirt/vms/list", With(Of("east"), "all_namespaces", true)))["vms"]!.AsArray().SingleOrDefault()?["power_state"] == powerState, powerState);

    private protected JsonObject Kept(string name) => Own.Cluster.Server.Get("", "secrets", Faults.FaultCluster.SystemNamespace, $"kvm-provider-{name}")!["data"]!.AsObject();

    private protected JsonObject Kubeconfig(string name = "east", string? text = null) => new() { ["name"] = name, ["kubeconfig"] = text ?? Other.Kubeconfig };

    private protected JsonObject ByToken(string name, string token, string? ns = null)
    {
        var body = new JsonObject
        {
            ["name"] = name,
            ["server"] = Other.Address.GetLeftPart(UriPartial.Authority),
            ["certificate_authority"] = Other.CertificateAuthority,
            ["token"] = token,
        };
        return ns is null ? body : With(body, "namespace", ns);
    }

    private protected static JsonObject With(JsonObject body, string field, JsonNode? value)
    {
        body[field] = value;
        return body;
    }

    private protected static JsonObject Of(string provider) => new() { ["provider"] = provider };

    private protected static JsonObject Named(string name) => new() { ["name"] = name };

    private protected static JsonObject Manifest() => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: web, namespace: {{ManagementCluster.Namespace}} }
        spec:
          runStrategy: Manual
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """).Single().AsObject();
}
