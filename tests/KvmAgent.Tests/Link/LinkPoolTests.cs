using System.Net.WebSockets;
using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Status;
using KvmAgent.Tests.Qemu;

namespace KvmAgent.Tests.Link;

/// <summary>The agent's end of the link, against a coordinator that does as a test says.</summary>
public sealed class LinkPoolTests
{
    [Fact]
    public async Task It_says_hello_then_what_is_not_known_and_then_each_change()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        agent.Board.Signal(VmSignal.QemuStarting);
        using var link = await coordinator.NextAsync();
        link.Path.ShouldBe("/prefix/agents/v1/link");
        link.Authorization.ShouldBe("Bearer first");
        var hello = await link.ReceiveAsync(LinkMethods.Hello);
        var said = hello.GetProperty("params").Deserialize(LinkJson.Default.LinkHello)!;
        said.Pod.ShouldBe(new LinkPod("Web-1.default.svc", "default", "uid-1"));
        said.Start.ShouldBe(agent.Journal.Start);
        said.Methods.ShouldContain(LinkMethods.Freeze);
        // What a newer coordinator adds is passed over.
        await link.AnswerAsync(hello, """{"protocol":1,"heartbeatSeconds":60,"acknowledged":null,"news":[1]}""");

        (await link.TakeAsync(LinkMethods.Transition)).GetProperty("phase").GetString().ShouldBe("Preparing");
        (await link.TakeAsync(LinkMethods.Transition)).GetProperty("phase").GetString().ShouldBe("Starting");
        var status = await link.ReceiveAsync(LinkMethods.Status);
        status.GetProperty("params").GetProperty("sequence").GetInt64().ShouldBe(2);

        // While that one is not acknowledged, changes wait: of the transitions none is lost, of the status the last is told.
        agent.Board.Signal(VmSignal.GuestResumed);
        agent.Board.Warn("one");
        agent.Board.Warn("two");
        await link.AnswerAsync(status);
        (await link.TakeAsync(LinkMethods.Transition)).GetProperty("phase").GetString().ShouldBe("Running");
        var last = await link.TakeAsync(LinkMethods.Status);
        last.GetProperty("sequence").GetInt64().ShouldBe(5);
        last.Deserialize(LinkJson.Default.StatusReport)!.Status.Warnings.ShouldBe(["one", "two"]);
        await agent.FinishAsync().WaitAsync(CoordinatorDouble.Limit);
    }

    [Fact]
    public async Task A_coordinator_that_was_away_gets_what_it_does_not_know_and_a_fresh_token()
    {
        var coordinator = CoordinatorDouble.Listen();
        var port = coordinator.Port;
        coordinator.Dispose();
        await using var agent = new LinkedAgent(port, "127.0.0.1");
        agent.Board.Signal(VmSignal.QemuStarting);
        await agent.FinishAsync();
        await File.WriteAllTextAsync(agent.Token, "second");

        using (var back = CoordinatorDouble.Listen(port: port))
        {
            using var link = await back.NextLinkAsync(acknowledged: new JournalPosition(agent.Journal.Start.Id, 1));
            link.Authorization.ShouldBe("Bearer second");
            (await link.TakeAsync(LinkMethods.Transition)).GetProperty("sequence").GetInt64().ShouldBe(2);
            await link.TakeAsync(LinkMethods.Status);
            await link.Socket.CloseOutputAsync(WebSocketCloseStatus.PolicyViolation, "the token has expired", default);
            using var next = await back.NextLinkAsync(acknowledged: new JournalPosition(agent.Journal.Start.Id, 2));
            await next.TakeAsync(LinkMethods.Status);
        }

        agent.Lines.ShouldContain("no link to the coordinator at 127.0.0.1: the token has expired; the VM goes on without it");
    }

    [Fact]
    public async Task Two_addresses_are_two_links()
    {
        using var one = CoordinatorDouble.Listen();
        using var other = CoordinatorDouble.Listen("127.0.0.2", one.Port);
        await using var agent = new LinkedAgent(one.Port, "127.0.0.1", "127.0.0.2");
        foreach (var coordinator in new[] { one, other })
        {
            using var link = await coordinator.NextLinkAsync();
            (await link.TakeAsync(LinkMethods.Transition)).GetProperty("phase").GetString().ShouldBe("Preparing");
            await link.TakeAsync(LinkMethods.Status);
        }
    }

    [Fact]
    public async Task A_refusal_is_logged_once_with_the_coordinators_words()
    {
        using var coordinator = CoordinatorDouble.Listen();
        coordinator.Refusal = (403, "Bearer error=\"insufficient_scope\", error_description=\"the pod is another\"");
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        var peer = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(peer) < Peer.Limit && agent.Lines.Count == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        coordinator.Refusal = null;
        using var link = await coordinator.NextLinkAsync();
        agent.Lines.ToArray().First().ShouldBe(
            "no link to the coordinator at 127.0.0.1: refused with 403: error=\"insufficient_scope\", error_description=\"the pod is another\"; the VM goes on without it");
        agent.Lines.Count(l => l.Contains("refused", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("7")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"exec\",\"params\":{\"command\":\"sh\"}}")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"freeze\",\"params\":{\"deadlineSeconds\":\"long\"}}")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"openStream\",\"params\":{\"id\":\"../../link\",\"kind\":\"console\"}}")]
    [InlineData("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"openStream\"}")]
    public async Task What_makes_no_sense_is_answered_and_the_link_goes_on(string message)
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using var link = await UpAsync(coordinator);

        await link.SendAsync(message);
        (await link.ReceiveAsync()).GetProperty("error").GetProperty("code").GetInt32().ShouldBeOneOf(-32700, -32600, -32601, -32602);

        agent.Board.Warn("still here");
        await link.TakeAsync(LinkMethods.Status);
    }

    [Fact]
    public async Task Commands_without_a_guest_say_so()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using var link = await UpAsync(coordinator);
        foreach (var (method, parameters) in new[]
        {
            ("pause", "{}"), ("unpause", "{}"), ("reset", "null"), ("softreboot", "{}"), ("guestInfo", "{}"), ("userList", "{}"), ("filesystemList", "{}"),
            ("freeze", "{\"deadlineSeconds\":5}"), ("unfreeze", "{}"), ("openStream", $$"""{"id":"{{new string('a', 32)}}","kind":"screenshot"}"""),
        })
        {
            (await link.AskAsync(method, parameters)).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.NotRunning, method);
        }

        (await link.AskAsync("openStream", $$"""{"id":"{{new string('a', 32)}}","kind":"disk"}""")).GetProperty("error").GetProperty("code").GetInt32().ShouldBe(LinkErrors.NotSupported);
        agent.Stopping.IsCancellationRequested.ShouldBeFalse();
        (await link.AskAsync("shutdown")).TryGetProperty("result", out _).ShouldBeTrue();
        agent.Stopping.IsCancellationRequested.ShouldBeTrue();
    }

    [Fact]
    public async Task A_stream_is_dialled_where_it_was_asked_for_and_ends_with_either_end()
    {
        using var coordinator = CoordinatorDouble.Listen();
        await using var agent = new LinkedAgent(coordinator.Port, "127.0.0.1");
        using var link = await UpAsync(coordinator);
        using var console = SocketDirectory.ListenAt(Path.Combine(agent.RunDir, "console.sock"));
        var id = new string('a', 32);
        var asked = link.AskAsync("openStream", $$"""{"id":"{{id}}","kind":"console"}""");
        using var guest = await Peer.AcceptAsync(console);
        (await asked).TryGetProperty("result", out _).ShouldBeTrue();
        using var stream = await coordinator.NextAsync();
        stream.Path.ShouldBe($"/prefix/agents/v1/streams/{id}");

        await guest.WriteAsync("login: ");
        var buffer = new byte[100];
        (await stream.Socket.ReceiveAsync(buffer, default)).Count.ShouldBe(7);
        await stream.Socket.SendAsync("root\n"u8.ToArray(), WebSocketMessageType.Binary, true, default);
        await guest.ReadUntilAsync("root\n");

        guest.Dispose();
        (await stream.Socket.ReceiveAsync(buffer, default)).MessageType.ShouldBe(WebSocketMessageType.Close);
        asked = link.AskAsync("openStream", $$"""{"id":"{{id}}","kind":"console"}""");
        using var second = await Peer.AcceptAsync(console);
        await asked;
        using var other = await coordinator.NextAsync();
        await other.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        (await second.ReadToEndAsync()).ShouldBeEmpty();
    }

    /// <summary>A link that has told everything.</summary>
    private static async Task<DialledLink> UpAsync(CoordinatorDouble coordinator)
    {
        var link = await coordinator.NextLinkAsync();
        await link.TakeAsync(LinkMethods.Transition);
        await link.TakeAsync(LinkMethods.Status);
        return link;
    }
}
