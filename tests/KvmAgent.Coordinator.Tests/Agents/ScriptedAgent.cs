using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Tests.Agents;

/// <summary>An agent's end of a link that does what a test says, right or wrong.</summary>
internal sealed class ScriptedAgent(ClientWebSocket socket) : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private int _lastId;

    /// <summary>Which life of the agent it is.</summary>
    public AgentStart Start { get; init; } = new("a-start", DateTimeOffset.UnixEpoch);

    public static async Task<ScriptedAgent> DialAsync(AgentServer server, string uid, string? token = null) =>
        new(await server.DialAsync(token ?? $"team/web-0/{uid}"));

    /// <summary>Dials and says hello.</summary>
    public static async Task<ScriptedAgent> LinkAsync(AgentServer server, string uid)
    {
        var agent = await DialAsync(server, uid);
        (await agent.HelloAsync(uid)).TryGetProperty("result", out _).ShouldBeTrue();
        return agent;
    }

    public Task<JsonElement> HelloAsync(string uid, int protocol = 1, bool enrols = false, string name = "web") => AskAsync(LinkMethods.Hello, JsonSerializer.Serialize(
        new LinkHello(protocol, "1.0.0", new LinkPod("web-0", "team", uid), name, Start, [LinkMethods.Pause, LinkMethods.Shutdown, LinkMethods.OpenStream], [StreamKinds.Console], enrols),
        LinkJson.Default.LinkHello));

    public Task<JsonElement> TransitionAsync(long sequence, VmPhase phase, string? reason = null, int? exitCode = null) => AskAsync(LinkMethods.Transition, JsonSerializer.Serialize(
        new TransitionReport(Start, sequence, DateTimeOffset.UnixEpoch.AddSeconds(sequence), phase, reason, exitCode), LinkJson.Default.TransitionReport));

    public Task<JsonElement> StatusAsync(long sequence, VmPhase phase, bool ready = false) => AskAsync(LinkMethods.Status, JsonSerializer.Serialize(
        new StatusReport(Start, sequence, DateTimeOffset.UnixEpoch, new VmStatus("web", "team", phase, null, DateTimeOffset.UnixEpoch, ready, null, 1)),
        LinkJson.Default.StatusReport));

    /// <returns>The answer: a result or an error.</returns>
    public async Task<JsonElement> AskAsync(string method, string parameters)
    {
        await SendAsync($$"""{"jsonrpc":"2.0","id":{{++_lastId}},"method":"{{method}}","params":{{parameters}}}""");
        return (await ReceiveAsync()).ShouldNotBeNull();
    }

    public Task SendAsync(string text) => socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    /// <returns>Null at the end.</returns>
    public async Task<JsonElement?> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        var buffer = new byte[64 << 10];
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
            length += part.Count;
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            if (part.EndOfMessage)
            {
                return JsonDocument.Parse(buffer.AsMemory(0, length)).RootElement;
            }
        }
    }

    /// <summary>Reads up to the coordinator's goodbye.</summary>
    public async Task<string> GoodbyeAsync()
    {
        while (await ReceiveAsync() is not null)
        {
        }

        return $"{socket.CloseStatus}: {socket.CloseStatusDescription}";
    }

    /// <summary>What the coordinator says, by an answer or by a goodbye: either may come first.</summary>
    public async Task<string> GoodbyeOrAnswerAsync(Task<JsonElement> answer)
    {
        try
        {
            return (await answer).GetRawText();
        }
        catch (ShouldAssertException)
        {
            return $"{socket.CloseStatus}: {socket.CloseStatusDescription}";
        }
    }

    public void Dispose() => socket.Dispose();
}
