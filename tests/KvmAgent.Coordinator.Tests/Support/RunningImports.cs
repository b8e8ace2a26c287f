using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The controllers of imports with their caches, until it is disposed of.</summary>
internal sealed class RunningImports : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesClient _client;
    private readonly ImportControllers _controllers;
    private readonly Task _running;

    private RunningImports(TestApiServer server, ImportOptions options, TimeProvider time)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token), TimeProvider.System);
        var machines = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        var cache = new ImportCache(_client, machines, null, TimeProvider.System, NullLogger<ImportCache>.Instance);
        _controllers = new ImportControllers(_client, cache, Given.Options(null), options, time, NullLoggerFactory.Instance);
        _running = Task.WhenAll(machines.RunAsync(_stop.Token), cache.RunAsync(_stop.Token), _controllers.RunAsync(_stop.Token));
    }

    /// <param name="time">Of the controllers; what watches and asks has the system's.</param>
    public static RunningImports Start(TestApiServer server, ImportOptions options, TimeProvider? time = null) => new(server, options, time ?? TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _controllers.Dispose();
        _client.Dispose();
        _stop.Dispose();
    }
}
