using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>The caches and the controller on a server of their own, with nobody that runs pods.</summary>
internal sealed class RunningController : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesClient _client;
    private readonly Task _running;

    private RunningController(TestApiServer server)
    {
        Server = server;
        _client = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token), TimeProvider.System);
        var cache = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        var controller = new MachineController(
            _client, cache, new AgentRegistry(), new EventRecorder(_client, TimeProvider.System, NullLogger<EventRecorder>.Instance),
            Given.Options(null), TimeProvider.System, NullLogger<MachineController>.Instance);
        _running = Task.WhenAll(cache.RunAsync(_stop.Token), controller.RunAsync(_stop.Token));
    }

    public TestApiServer Server { get; }

    /// <summary>With the namespace <c>shop</c>.</summary>
    public static async Task<RunningController> StartAsync() => new(await KubeVirtServer.StartAsync("shop"));

    public void Create(string yaml) => Server.Create(Yaml.Documents(yaml).Single().AsObject());

    public JsonNode? Machine(string name) => Server.Get("kubevirt.io", "virtualmachines", "shop", name);

    public JsonNode? Instance(string name) => Server.Get("kubevirt.io", "virtualmachineinstances", "shop", name);

    public static async Task UntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!holds())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await Server.DisposeAsync();
        _client.Dispose();
        _stop.Dispose();
    }
}
