using System.Net;
using KvmAgent.Coordinator.Hosting;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>A coordinator that runs until it is disposed of, to which the node's agents link.</summary>
internal sealed class RunningCoordinator : IAsyncDisposable
{
    private readonly ClusterCoordinator _coordinator;
    private readonly FakeNode _node;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public RunningCoordinator(ClusterCoordinator coordinator, FakeNode node)
    {
        (_coordinator, _node) = (coordinator, node);
        Agents = new Uri($"wss://{coordinator.EndPoints[0]}");
        Api = coordinator.EndPoints[1];
        Management = coordinator.EndPoints[3];
        node.Coordinators[this] = (agent, cancel) => IsDialled ? agent.LinkAsync(Agents, cancel) : throw new IOException("nobody is there");
        _running = Task.Run(() => coordinator.RunAsync(_stop.Token));
    }

    /// <summary>Whether it realises machines.</summary>
    public bool IsLeader => _coordinator.IsLeader;

    /// <summary>Where agents dial.</summary>
    public Uri Agents { get; }

    /// <summary>Where the API server finds it.</summary>
    public IPEndPoint Api { get; }

    /// <summary>Where people find it.</summary>
    public IPEndPoint Management { get; }

    /// <summary>Whether agents get through to it.</summary>
    public bool IsDialled { get; set; } = true;

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        _node.Coordinators.TryRemove(this, out _);
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _coordinator.DisposeAsync();
    }
}
