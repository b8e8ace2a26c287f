using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;

namespace KvmAgent.Coordinator.Tests.Agents;

/// <summary>Streams: asked for over the link, dialled by the agent.</summary>
public sealed class AgentStreamTests
{
    private const string Uid = "uid-1", Token = "team/web-0/uid-1";

    [Fact]
    public async Task A_stream_passes_bytes_both_ways_and_its_id_is_good_once()
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var opening = server.Registry.Find(Uid)!.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default);
        var id = await AcceptAsync(agent);
        id.Length.ShouldBe(32);
        using var dialled = await server.DialAsync(Token, LinkProtocol.StreamPath + id);
        await using (var stream = await opening)
        {
            await stream.Socket.SendAsync("down"u8.ToArray(), WebSocketMessageType.Binary, true, default);
            (await ReadAsync(dialled)).ShouldBe("down");
            await dialled.SendAsync("up"u8.ToArray(), WebSocketMessageType.Binary, true, default);
            (await ReadAsync(stream.Socket)).ShouldBe("up");

            (await RefusalAsync(server, Token, id)).ShouldStartWith("404");
        }

        (await ReadAsync(dialled)).ShouldBeEmpty();
        dialled.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
    }

    [Fact]
    public async Task Another_pod_does_not_get_it_but_the_right_one_still_does()
    {
        await using var server = await AgentServer.StartAsync();
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var opening = server.Registry.Find(Uid)!.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default);
        var id = await AcceptAsync(agent);

        (await RefusalAsync(server, "team/web-1/uid-2", id)).ShouldStartWith("404");
        (await RefusalAsync(server, "forged", id)).ShouldStartWith("401");
        opening.IsCompleted.ShouldBeFalse();
        using var dialled = await server.DialAsync(Token, LinkProtocol.StreamPath + id);
        await using var stream = await opening;
    }

    [Fact]
    public async Task One_that_is_dialled_late_is_not_waited_for_any_more()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { StreamLimit = TimeSpan.FromMilliseconds(200) });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var opening = server.Registry.Find(Uid)!.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default);
        var id = await AcceptAsync(agent);

        (await Should.ThrowAsync<TimeoutException>(opening)).Message.ShouldBe("the agent did not dial the stream within 0.2 s");
        (await RefusalAsync(server, Token, id)).ShouldStartWith("404");
    }

    [Fact]
    public async Task So_many_are_open_at_once_and_no_more()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { MostStreams = 1 });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var link = server.Registry.Find(Uid)!;
        for (var i = 0; i < 3; i++)
        {
            var opening = link.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default);
            using var dialled = await server.DialAsync(Token, LinkProtocol.StreamPath + await AcceptAsync(agent));
            var stream = await opening;
            (await Should.ThrowAsync<JsonRpcException>(link.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default))).Code.ShouldBe(LinkErrors.Busy);
            var closing = stream.DisposeAsync();
            (await ReadAsync(dialled)).ShouldBeEmpty();
            await dialled.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
            await closing;
            await UntilRoomAsync(server);
        }
    }

    [Fact]
    public async Task An_agent_that_refuses_leaves_nothing_open()
    {
        await using var server = await AgentServer.StartAsync(new AgentLinkOptions { MostStreams = 1 });
        using var agent = await ScriptedAgent.LinkAsync(server, Uid);
        var link = server.Registry.Find(Uid)!;
        for (var i = 0; i < 2; i++)
        {
            var opening = link.OpenStreamAsync(new StreamRequest(StreamKinds.Console), default);
            var request = (await agent.ReceiveAsync())!.Value;
            await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"error":{"code":-32001,"message":"the guest does not run"}}""");
            (await Should.ThrowAsync<JsonRpcException>(opening)).Code.ShouldBe(LinkErrors.NotRunning);
        }

        (await Should.ThrowAsync<JsonRpcException>(link.OpenStreamAsync(new StreamRequest(StreamKinds.Vnc), default))).Code.ShouldBe(LinkErrors.NotSupported);
    }

    /// <returns>The stream's id.</returns>
    private static async Task<string> AcceptAsync(ScriptedAgent agent)
    {
        var request = (await agent.ReceiveAsync())!.Value;
        request.GetProperty("method").GetString().ShouldBe(LinkMethods.OpenStream);
        await agent.SendAsync($$$"""{"jsonrpc":"2.0","id":{{{request.GetProperty("id")}}},"result":{}}""");
        return request.GetProperty("params").Deserialize(LinkJson.Default.OpenStreamRequest)!.Id;
    }

    private static async Task<string> RefusalAsync(AgentServer server, string token, string id) =>
        (string)(await Should.ThrowAsync<WebSocketException>(() => server.DialAsync(token, LinkProtocol.StreamPath + id))).Data["refusal"]!;

    /// <returns>A frame's text; nothing at the end.</returns>
    private static async Task<string> ReadAsync(WebSocket socket)
    {
        using var limit = new CancellationTokenSource(ScriptedAgent.Limit);
        var buffer = new byte[1024];
        var part = await socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
        return Encoding.UTF8.GetString(buffer, 0, part.Count);
    }

    /// <summary>The request of the stream ends a moment after who used it is done.</summary>
    private static async Task UntilRoomAsync(AgentServer server)
    {
        using var limit = new CancellationTokenSource(ScriptedAgent.Limit);
        while (server.Services.Streams.OpenOf(Uid) > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
        }
    }
}
