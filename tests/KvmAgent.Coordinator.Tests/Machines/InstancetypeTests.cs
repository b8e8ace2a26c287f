using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>A machine waits for what it names, and goes on by itself when that appears.</summary>
public sealed class InstancetypeTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private TestApiServer _server = null!;
    private KubernetesClient _client = null!;
    private Task _running = Task.CompletedTask;

    public async Task InitializeAsync()
    {
        _server = await TestApiServer.StartAsync(new TestApiServerOptions { CelRules = AnyRule.Of(CustomResourceDefinitions.All), Namespaces = ["shop"] });
        await _server.ApplyCrdsAsync(string.Join("---\n", CustomResourceDefinitions.All.Select(static d => YamlText.Of(d))));
        _client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
        var cache = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        var controller = new MachineController(
            _client, cache, new AgentRegistry(), new EventRecorder(_client, TimeProvider.System, NullLogger<EventRecorder>.Instance),
            Given.Options(null), TimeProvider.System, NullLogger<MachineController>.Instance);
        _running = Task.WhenAll(cache.RunAsync(_stop.Token), controller.RunAsync(_stop.Token));
    }

    [Theory]
    [InlineData("instancetype", "VirtualMachineInstancetype", "virtualmachineinstancetypes", "FailedFindInstancetype")]
    [InlineData("instancetype", "VirtualMachineClusterInstancetype", "virtualmachineclusterinstancetypes", "FailedFindInstancetype")]
    [InlineData("preference", "VirtualMachinePreference", "virtualmachinepreferences", "FailedFindPreference")]
    [InlineData("preference", "VirtualMachineClusterPreference", "virtualmachineclusterpreferences", "FailedFindPreference")]
    public async Task What_is_missing_is_told_and_waited_for(string field, string kind, string plural, string reason)
    {
        var domain = field == "instancetype" ? "{devices: {}}" : "{memory: {guest: 1Gi}, devices: {}}";
        _server.Create(Manifest(
            $$$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec:
              runStrategy: Always
              {{{field}}}: {name: missing, kind: {{{kind}}} }
              template: {spec: {domain: {{{domain}}}, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
            """));
        await UntilAsync(() => _server.Get("kubevirt.io", "virtualmachines", "shop", "web")?["status"]?["conditions"]?.AsArray()
            .Any(c => (string?)c!["type"] == "Failure" && (string?)c["reason"] == reason) == true);
        _server.All("kubevirt.io", "virtualmachineinstances").ShouldBeEmpty();

        var spec = field == "instancetype" ? "{cpu: {guest: 2}, memory: {guest: 1Gi}}" : "{devices: {preferredDiskBus: virtio}}";
        var scope = kind.Contains("Cluster", StringComparison.Ordinal) ? "" : ", namespace: shop";
        _server.Create(Manifest($"{{apiVersion: instancetype.kubevirt.io/v1beta1, kind: {kind}, metadata: {{name: missing{scope}}}, spec: {spec}}}"));

        await UntilAsync(() => _server.Get("kubevirt.io", "virtualmachineinstances", "shop", "web") is not null);
        var made = _server.Get("kubevirt.io", "virtualmachineinstances", "shop", "web")!["spec"]!["domain"]!;
        (field == "instancetype" ? made["cpu"]!["sockets"]!.ToString() : (string?)made["devices"]!["disks"]![0]!["disk"]!["bus"])
            .ShouldBe(field == "instancetype" ? "2" : "virtio", plural);
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _server.DisposeAsync();
    }

    public void Dispose()
    {
        _client.Dispose();
        _stop.Dispose();
    }

    private static JsonObject Manifest(string yaml) => Yaml.Documents(yaml).Single().AsObject();

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!holds())
        {
            await Task.Delay(10, patience.Token);
        }
    }
}
