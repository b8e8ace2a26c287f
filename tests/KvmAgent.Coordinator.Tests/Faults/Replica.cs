using System.Net.WebSockets;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>A coordinator without election, TLS and WebSockets: caches, agents, and the controller once it leads.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private readonly FakeNode _node;
    private readonly KubernetesClient _client;
    private readonly AgentRegistry _agents = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private Replica(FakeNode node, string token)
    {
        (_node, Token) = (node, token);
        node.Server.AddUser(token, token, "system:masters");
        _client = new KubernetesClient(KubernetesConnection.To(node.Server.Address, token), TimeProvider.System);
        Cache = new MachineCache(_client, null, TimeProvider.System, NullLogger<MachineCache>.Instance);
        Cache.PodGone += _agents.Forget;
        _running.Add(Cache.RunAsync(_stop.Token));
        node.Coordinators[this] = LinkAsync;
    }

    public string Token { get; }

    public MachineCache Cache { get; }

    public static Replica Start(FakeNode node, string token, bool leads = true)
    {
        var replica = new Replica(node, token);
        if (leads)
        {
            replica.Lead();
        }

        return replica;
    }

    public void Lead()
    {
        var controller = new MachineController(
            _client, Cache, _agents, new EventRecorder(_client, TimeProvider.System, NullLogger<EventRecorder>.Instance), Given.Options(null), TimeProvider.System,
            NullLogger<MachineController>.Instance);
        _running.Add(controller.RunAsync(_stop.Token));
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        _node.Coordinators.TryRemove(this, out _);
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
    }

    private async Task LinkAsync(FakeAgent agent, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, _stop.Token);
        var identity = new AgentIdentity(agent.Pod.Namespace, agent.Pod.Name, agent.Pod.Uid);
        if (Cache.InstanceByPod(identity.PodUid) is null)
        {
            throw new IOException("the pod is not known");
        }

        using var nowhere = WebSocket.CreateFromStream(Stream.Null, new WebSocketCreationOptions { IsServer = true });
        using var peer = new JsonRpcPeer(nowhere, static (_, _, _) => throw new NotSupportedException(), inOrder: true, TimeProvider.System);
        var link = new AgentLink(identity, new AgentAbilities(agent.Hello.Version, agent.Hello.Methods, agent.Hello.Streams), peer, new AgentStreams(new AgentLinkOptions(), TimeProvider.System), TimeProvider.System);
        _agents.Add(link);
        try
        {
            while (!end.IsCancellationRequested && _node.Linked)
            {
                var report = agent.Report;
                link.Take(report);
                _agents.Report(new AgentReport(identity, report.Start, report.Sequence, report.Time) { Status = report.Status });
                await agent.NextAsync(report, TimeSpan.FromMilliseconds(200), end.Token);
            }
        }
        finally
        {
            _agents.Remove(link);
        }
    }
}
