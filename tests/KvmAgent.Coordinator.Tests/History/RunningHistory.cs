using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Store;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.History;

/// <summary>A writer of the history with the watches that it is of, as the leader has them, until it is disposed of.</summary>
internal sealed class RunningHistory : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesClient _client;
    private readonly VmTable _vms;
    private readonly HistoryNews _news = new();
    private readonly Task _written;
    private readonly Task _running;

    private RunningHistory(TestApiServer server, RecordStore records, TimeSpan kept)
    {
        _client = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token), TimeProvider.System);
        var machines = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        _vms = new VmTable("local", machines.Machines, machines.Instances);
        var writer = new HistoryWriter(records, _vms, _news, kept, TimeProvider.System, NullLogger<HistoryWriter>.Instance);
        var events = new ClusterEvents(_client, machines, null, writer, TimeProvider.System, NullLogger<ClusterEvents>.Instance);
        _written = _news.Next;
        _running = Task.WhenAll(machines.RunAsync(_stop.Token), _vms.RunAsync(_stop.Token), writer.RunAsync(_stop.Token), events.RunAsync(_stop.Token));
    }

    public static RunningHistory Start(TestApiServer server, RecordStore records, TimeSpan? kept = null) => new(server, records, kept ?? TimeSpan.FromDays(1));

    public string? Status(string ns, string name) => _vms.Lines.GetValueOrDefault(new MachineKey(ns, name))?.Status;

    /// <summary>It has taken the place of whoever wrote before.</summary>
    public Task WritesAsync() => _written.WaitAsync(TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _client.Dispose();
        _stop.Dispose();
    }
}
