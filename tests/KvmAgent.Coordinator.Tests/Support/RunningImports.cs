using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The controller of imports with its caches, until it is disposed of.</summary>
internal sealed class RunningImports : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesClient _client;
    private readonly ImportController _controller;
    private readonly Task _running;

    private RunningImports(TestApiServer server, ImportOptions options)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token), TimeProvider.System);
        var machines = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        var cache = new ImportCache(_client, machines, null, TimeProvider.System, NullLogger<ImportCache>.Instance);
        var events = new EventRecorder(_client, TimeProvider.System, NullLogger<EventRecorder>.Instance);
        _controller = new ImportController(_client, cache, events, Given.Options(null), options, TimeProvider.System, NullLogger<ImportController>.Instance);
        var volumes = new VolumeController(
            _client, cache, new EventRecorder(_client, TimeProvider.System, NullLogger<EventRecorder>.Instance), TimeProvider.System, NullLogger<VolumeController>.Instance);
        _running = Task.WhenAll(machines.RunAsync(_stop.Token), cache.RunAsync(_stop.Token), _controller.RunAsync(_stop.Token), volumes.RunAsync(_stop.Token));
    }

    public static RunningImports Start(TestApiServer server, ImportOptions options) => new(server, options);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _controller.Dispose();
        _client.Dispose();
        _stop.Dispose();
    }
}
