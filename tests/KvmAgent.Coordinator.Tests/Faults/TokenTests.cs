using System.Net.WebSockets;
using KvmAgent.Contracts;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>Links come and go, and only the recorded pod's agent has one; the machine is as it is all the while.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private FaultCluster _cluster = null!;
    private RunningCoordinator _coordinator = null!;

    public async Task InitializeAsync()
    {
        _cluster = await FaultCluster.StartAsync();
        _coordinator = await _cluster.CoordinateAsync();
        _cluster.Apply("web");
        _cluster.Apply("db");
        await _cluster.RunningAsync("web");
        await _cluster.RunningAsync("db");
        await _cluster.UntilAsync(() => _cluster.PodOf("web").Agent.Links == 1, "the agent is linked");
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task A_link_that_is_lost_changes_nothing_and_what_happened_meanwhile_is_told_when_it_is_back()
    {
        var (instance, agent) = (_cluster.Uid("web"), _cluster.PodOf("web").Agent);
        _cluster.Node.Linked = false;
        await _cluster.UntilAsync(() => agent.Links == 0, "the link is lost");
        agent.Set(VmPhase.Paused);
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
        await _cluster.RunningAsync("web");
        FaultCluster.Condition(_cluster.Instance("web"), "Paused").ShouldBeNull();

        _cluster.Node.Linked = true;
        await _cluster.UntilAsync(() => (string?)_cluster.Machine("web")!["status"]!["printableStatus"] == "Paused", "the pause is told");
        agent.Set(VmPhase.Running, ready: true);
        await _cluster.RunningAsync("web");
        _cluster.Uid("web").ShouldBe(instance);
    }

    [Fact]
    public async Task A_coordinator_that_is_replaced_finds_the_machine_as_it_is()
    {
        var (instance, agent) = (_cluster.Uid("web"), _cluster.PodOf("web").Agent);
        // A listener waits half a minute for what does not end by itself.
        await _coordinator.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        agent.Set(VmPhase.Paused);
        await _cluster.CoordinateAsync("coordinator-2");
        await _cluster.UntilAsync(() => (string?)_cluster.Machine("web")!["status"]!["printableStatus"] == "Paused", "the pause is told");
        _cluster.Uid("web").ShouldBe(instance);
    }

    [Theory]
    [InlineData("forged", "401")]
    [InlineData("expired", "401")]
    [InlineData("of another audience", "401")]
    [InlineData("of no pod", "403")]
    [InlineData("of a pod that is not recorded", "403")]
    public async Task A_token_is_refused_that_is(string what, string status)
    {
        var pod = _cluster.PodOf("web").Agent.Pod;
        var token = what switch
        {
            "forged" => _cluster.PodOf("web").Agent.Token + "x",
            "expired" => Token((pod.Name, pod.Uid), TimeSpan.FromSeconds(-1)),
            "of another audience" => _cluster.Server.AddServiceAccountToken(FaultCluster.Namespace, "default", ["vault"], (pod.Name, pod.Uid)),
            "of no pod" => Token(null),
            _ => Token(("stranger", Guid.NewGuid().ToString())),
        };
        var stranger = new FakeAgent(pod, "web", token);
        (await Should.ThrowAsync<WebSocketException>(() => stranger.LinkAsync(_coordinator.Agents, CancellationToken.None))).Message.ShouldStartWith(status);
        await _cluster.RunningAsync("web");
        _cluster.PodOf("web").Agent.Links.ShouldBe(1);
    }

    [Fact]
    public async Task An_agent_does_not_speak_for_another_machines_pod()
    {
        var (web, db) = (_cluster.PodOf("web").Agent, _cluster.PodOf("db").Agent);
        var liar = new FakeAgent(web.Pod, "web", db.Token);
        liar.Set(VmPhase.Crashed);
        await Should.ThrowAsync<Exception>(() => liar.LinkAsync(_coordinator.Agents, CancellationToken.None));
        liar.Links.ShouldBe(0);
        await _cluster.RunningAsync("web");
        await _cluster.RunningAsync("db");
    }

    [Fact]
    public async Task A_link_ends_with_its_token_and_comes_back_with_the_next()
    {
        var agent = _cluster.PodOf("web").Agent;
        var (name, uid) = (agent.Pod.Name, agent.Pod.Uid);
        _cluster.Node.Linked = false;
        agent.Token = Token((name, uid), TimeSpan.FromSeconds(3));
        _cluster.Node.Linked = true;
        await _cluster.UntilAsync(() => agent.Links == 1, "it is linked by the short token");
        await _cluster.UntilAsync(() => agent.Links == 0, "the link ends with the token");
        await _cluster.RunningAsync("web");

        agent.Token = Token((name, uid));
        await _cluster.UntilAsync(() => agent.Links == 1, "it is linked by the new token");
        agent.Set(VmPhase.Paused);
        await _cluster.UntilAsync(() => (string?)_cluster.Machine("web")!["status"]!["printableStatus"] == "Paused", "what it says is heard");
    }

    [Fact]
    public async Task The_agent_of_a_pod_that_was_taken_away_by_force_is_heard_no_more()
    {
        var (before, agent) = (_cluster.Uid("web"), _cluster.PodOf("web").Agent);
        _cluster.Server.Delete("", "pods", FaultCluster.Namespace, agent.Pod.Name, graceSeconds: 0);
        await _cluster.UntilAsync(() => agent.Links == 0, "the link is closed");
        await _cluster.RunningAsync("web", before);
    }

    private string Token((string, string)? pod, TimeSpan? lifetime = null) =>
        _cluster.Server.AddServiceAccountToken(FaultCluster.Namespace, "default", [FakeNode.Audience], pod, lifetime);
}
