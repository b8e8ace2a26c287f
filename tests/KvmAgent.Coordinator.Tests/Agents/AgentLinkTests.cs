using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;

namespace KvmAgent.Coordinator.Tests.Agents;

/// <summary>The coordinator's end of the link, against agents that do as a test says.</summary>
public sealed class AgentLinkTests
{
    private const string Uid = "uid-1";

    [Theory]
    [InlineData(null, "401 Bearer error=\"invalid_token\", error_description=\"there is no bearer token\"")]
    [InlineData("forged", "401 Bearer error=\"invalid_token\", error_description=\"it is not the token of a pod\"")]
    public async Task Who_has_no_good_token_is_refused_with_the_reason(string? token, string refusal)
    {
        await using var server = await AgentServer.StartAsync();

        (await RefusalAsync(() => server.DialAsync(token))).ShouldBe(refusal);
    }

    [Fact]
    public async Task A_pod_that_may_not_is_forbidden_and_an_expired_token_is_none()
    {
        await using var server = await AgentServer.StartAsync();
        server.Refusal = "the pod is being deleted";
        (await RefusalAsync(() => server.DialAsync("team/web-0/uid-1"))).ShouldBe("403 Bearer error=\"insufficient_scope\", error_description=\"the pod is being deleted\"");
        (server.Refusal, server.Life) = (null, TimeSpan.FromSeconds(-1));
        (await RefusalAsync(() => server.DialAsync("team/web-0/uid-1"))).ShouldContain("the token has expired");
    }

    [Fact]
    public async Task What_an_agent_tells_is_reported_in_order_and_remembered()
    {
        await using var server = await AgentServer.StartAsync();
        var connected = new List<AgentLink>();
        var disconnected = new TaskCompletionSource<AgentLink>();
        server.Registry.Connected += connected.Add;
        server.Registry.Disconnected += disconnected.SetResult;
        using (var agent = await ScriptedAgent.LinkAsync(server, Uid))
        {
            await agent.TransitionAsync(1, VmPhase.Preparing);
            await agent.TransitionAsync(2, VmPhase.Starting);
            (await agent.StatusAsync(3, VmPhase.Starting)).GetProperty("result").ValueKind.ShouldBe(JsonValueKind.Object);

            server.Reports.Select(r => (r.Sequence, r.Status?.Phase, r.Transition?.Phase)).ShouldBe(
                [(1, null, VmPhase.Preparing), (2, null, VmPhase.Starting), (3, VmPhase.Starting, null)]);
            var link = server.Registry.Find(Uid).ShouldNotBeNull();
            connected.ShouldBe([link]);
            link.Status!.Phase.ShouldBe(VmPhase.Starting);
            link.Identity.ShouldBe(new AgentIdentity("team", "web-0", Uid));
        }

        (await disconnected.Task.WaitAsync(ScriptedAgent.Limit)).Identity.PodUid.ShouldBe(Uid);
        server.Registry.All.ShouldBeEmpty();
        using var again = await ScriptedAgent.DialAsync(server, Uid);
        var welcome = (await again.HelloAsync(Uid, protocol: 7)).GetProperty("result");
        welcome.GetProperty("acknowledged").GetProperty("sequence").GetInt64().ShouldBe(2);
        welcome.GetProperty("protocol").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task A_report_that_is_not_taken_is_not_acknowledged()
    {
        await using var server = await AgentServer.StartAsync();
        server.Registry.Reported += _ => throw new IOException("the disk is full");
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);

        (await agent.TransitionAsync(1, VmPhase.Preparing)).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.Internal);
        server.Registry.Acknowledged(Uid).ShouldBeNull();
    }

    [Fact]
    public async Task A_heartbeat_is_no_report_unless_what_it_repeats_was_not_taken()
    {
        await using var server = await AgentServer.StartAsync();
        var full = true;
        server.Registry.Reported += report => report = full ? throw new IOException("the disk is full") : report;
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);

        (await agent.StatusAsync(1, VmPhase.Running)).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.Internal);
        full = false;
        (await agent.StatusAsync(1, VmPhase.Running)).TryGetProperty("result", out _).ShouldBeTrue();
        (await agent.StatusAsync(1, VmPhase.Running)).TryGetProperty("result", out _).ShouldBeTrue();

        server.Reports.Select(static r => r.Sequence).ShouldBe([1, 1]);
    }

    [Fact]
    public async Task An_agent_that_claims_another_pod_is_sent_away()
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.DialAsync(server, Uid);
        await agent.SendAsync("""{"jsonrpc":"2.0","id":1,"method":"status","params":{}}""");
        (await agent.ReceiveAsync())!.Value.GetProperty("error").GetProperty("message").GetString().ShouldBe("say hello first");

        var answer = agent.HelloAsync("uid-2");

        (await agent.GoodbyeOrAnswerAsync(answer)).ShouldContain("the token is that of the pod with the UID uid-1");
        server.Registry.All.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_newer_link_of_the_same_pod_replaces_the_older()
    {
        await using var server = await AgentServer.StartAsync();
        using var first = await ScriptedAgent.LinkAsync(server, Uid);
        using var second = await ScriptedAgent.LinkAsync(server, Uid);

        (await first.GoodbyeAsync()).ShouldBe("PolicyViolation: a newer link of the same pod replaces this one");
        (await second.StatusAsync(1, VmPhase.Running)).TryGetProperty("result", out _).ShouldBeTrue();
        server.Registry.Find(Uid)!.Status!.Phase.ShouldBe(VmPhase.Running);
    }

    [Fact]
    public async Task A_link_ends_with_its_token()
    {
        await using var server = await AgentServer.StartAsync();
        server.Life = TimeSpan.FromSeconds(2);
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);

        (await agent.GoodbyeAsync()).ShouldStartWith("PolicyViolation: the token has expired");
    }

    [Fact]
    public async Task A_token_that_is_withdrawn_ends_its_link()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { ReviewEvery = TimeSpan.FromMilliseconds(100) });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        server.Refusal = "the pod is gone";

        (await agent.GoodbyeAsync()).ShouldBe("PolicyViolation: the pod is gone");
    }

    [Theory]
    [InlineData("{", LinkErrors.ParseError)]
    [InlineData("[]", LinkErrors.InvalidRequest)]
    [InlineData("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}", LinkErrors.InvalidRequest)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"status\"}", LinkErrors.InvalidRequest)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}", LinkErrors.InvalidRequest)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sudo\"}", LinkErrors.MethodNotFound)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"start\":null}}", LinkErrors.InvalidParams)]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"transition\"}", LinkErrors.InvalidParams)]
    public async Task What_makes_no_sense_is_answered_and_the_link_goes_on(string message, int code)
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);

        await agent.SendAsync(message);

        (await agent.ReceiveAsync())!.Value.GetProperty("error").GetProperty("code").GetInt32().ShouldBe(code);
        (await agent.StatusAsync(1, VmPhase.Running)).TryGetProperty("result", out _).ShouldBeTrue();
    }

    [Fact]
    public async Task Ten_messages_in_a_row_without_sense_end_the_link_and_so_does_one_that_is_too_long()
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        for (var i = 0; i < 10; i++)
        {
            await agent.SendAsync("nonsense");
        }

        (await agent.GoodbyeAsync()).ShouldBe("ProtocolError: 10 messages in a row make no sense");
        using var other = await ScriptedAgent.LinkAsync(server, Uid);
        await other.SendAsync(new string(' ', LinkProtocol.LongestMessage + 1));
        (await other.GoodbyeAsync()).ShouldBe("MessageTooBig: a message is longer than 256 KiB");
    }

    [Fact]
    public async Task An_agent_that_is_silent_is_dropped()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { Heartbeat = TimeSpan.FromMilliseconds(100) });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);

        (await agent.GoodbyeAsync()).ShouldBe("PolicyViolation: nothing was heard for three heartbeats");
    }

    [Fact]
    public async Task A_flood_is_read_slowly()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { MessagesPerSecond = 10 });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 40; i++)
        {
            await agent.StatusAsync(i, VmPhase.Running);
        }

        TimeProvider.System.GetElapsedTime(began).ShouldBeGreaterThan(TimeSpan.FromSeconds(1.5));
    }

    [Fact]
    public async Task A_command_goes_to_the_agent_and_its_refusal_comes_back()
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var link = server.Registry.Find(Uid)!;

        var pause = link.PauseAsync(default);
        var request = (await agent.ReceiveAsync())!.Value;
        request.GetProperty("method").GetString().ShouldBe("pause");
        await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"error":{"code":-32001,"message":"the guest does not run"}}""");

        (await Should.ThrowAsync<JsonRpcException>(pause)).ShouldSatisfyAllConditions(e => e.Code.ShouldBe(LinkErrors.NotRunning), e => e.Message.ShouldBe("the guest does not run"));
        Should.Throw<JsonRpcException>(() => link.ResetAsync(default)).Code.ShouldBe(LinkErrors.NotSupported);
        var lost = link.PauseAsync(default);
        agent.Dispose();
        await Should.ThrowAsync<IOException>(lost);
    }

    private static async Task<string> RefusalAsync(Func<Task<ClientWebSocket>> dial) =>
        (string)(await Should.ThrowAsync<WebSocketException>(dial)).Data["refusal"]!;
}
