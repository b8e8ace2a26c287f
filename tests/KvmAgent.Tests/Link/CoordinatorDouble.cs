using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Tests.Link;

/// <summary>A coordinator on a loopback address that does what a test says: it accepts WebSockets, each for the test to speak on.</summary>
internal sealed class CoordinatorDouble : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>RFC 6455, 1.3.</summary>
    private const string HandshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private readonly TcpListener _listener;
    private readonly Channel<DialledLink> _dialled = Channel.CreateUnbounded<DialledLink>();

    private CoordinatorDouble(string address, int port)
    {
        _listener = new TcpListener(IPAddress.Parse(address), port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What an agent is refused with; null: it is not.</summary>
    public (int Status, string Words)? Refusal { get; set; }

    /// <summary>Which authorization is not refused all the same.</summary>
    public Func<string?, bool>? Accepts { get; set; }

    public static CoordinatorDouble Listen(string address = "127.0.0.1", int port = 0) => new(address, port);

    /// <summary>The next one that was dialled.</summary>
    public async Task<DialledLink> NextAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        return await _dialled.Reader.ReadAsync(limit.Token);
    }

    /// <summary>The next one, once its hello was answered.</summary>
    public async Task<DialledLink> NextLinkAsync(JournalPosition? acknowledged = null, int heartbeat = 60)
    {
        var link = await NextAsync();
        var hello = await link.ReceiveAsync(LinkMethods.Hello);
        await link.AnswerAsync(hello, JsonSerializer.Serialize(new LinkWelcome(1, heartbeat, acknowledged), LinkJson.Default.LinkWelcome));
        return link;
    }

    public void Dispose()
    {
        _listener.Dispose();
        while (_dialled.Reader.TryRead(out var link))
        {
            link.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var stream = new NetworkStream(await _listener.AcceptSocketAsync(), ownsSocket: true);
                var request = await RequestAsync(stream);
                if (Refusal is { } refusal && Accepts?.Invoke(request.GetValueOrDefault("Authorization")) != true)
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {refusal.Status} No\r\nWWW-Authenticate: {refusal.Words}\r\nContent-Length: 0\r\n\r\n"));
                    continue;
                }

                await stream.WriteAsync(Encoding.ASCII.GetBytes(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + $"Sec-WebSocket-Accept: {Accept(request["Sec-WebSocket-Key"])}\r\nSec-WebSocket-Protocol: {LinkProtocol.SubProtocol}\r\n\r\n"));
                var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, SubProtocol = LinkProtocol.SubProtocol });
                _dialled.Writer.TryWrite(new DialledLink(socket, request[""].Split(' ')[1], request.GetValueOrDefault("Authorization")));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // Disposed.
        }
    }

    /// <returns>The headers; the request's line under no name.</returns>
    private static async Task<Dictionary<string, string>> RequestAsync(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer) > 0)
        {
            text.Append((char)buffer[0]);
        }

        var lines = text.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(static line => line.Split(": ", 2)).ToDictionary(static h => h[0], static h => h[1], StringComparer.OrdinalIgnoreCase);
        headers[""] = lines[0];
        return headers;
    }

#pragma warning disable CA5350 // What RFC 6455 asks for.
    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + HandshakeGuid)));
#pragma warning restore CA5350
}

/// <summary>A WebSocket that an agent dialled.</summary>
internal sealed class DialledLink(WebSocket socket, string path, string? authorization) : IDisposable
{
    private int _lastId;

    public WebSocket Socket => socket;

    public string Path => path;

    public string? Authorization => authorization;

    public Task SendAsync(string text) => socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    public async Task<JsonElement> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(CoordinatorDouble.Limit);
        var buffer = new byte[LinkProtocol.LongestMessage];
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
            length += part.Count;
            part.MessageType.ShouldBe(WebSocketMessageType.Text, $"{socket.CloseStatus} {socket.CloseStatusDescription}");
            if (part.EndOfMessage)
            {
                return JsonDocument.Parse(buffer.AsMemory(0, length)).RootElement;
            }
        }
    }

    /// <summary>The next request, which must be of that method.</summary>
    public async Task<JsonElement> ReceiveAsync(string method)
    {
        var request = await ReceiveAsync();
        request.GetProperty("method").GetString().ShouldBe(method);
        return request;
    }

    public Task AnswerAsync(JsonElement request, string result = "{}") => SendAsync($$"""{"jsonrpc":"2.0","id":{{request.GetProperty("id")}},"result":{{result}}}""");

    /// <summary>Takes the next transition or status and acknowledges it.</summary>
    public async Task<JsonElement> TakeAsync(string method)
    {
        var request = await ReceiveAsync(method);
        await AnswerAsync(request);
        return request.GetProperty("params");
    }

    /// <summary>Asks the agent something while it tells nothing.</summary>
    public async Task<JsonElement> AskAsync(string method, string parameters = "{}")
    {
        await SendAsync($$"""{"jsonrpc":"2.0","id":{{++_lastId}},"method":"{{method}}","params":{{parameters}}}""");
        return await ReceiveAsync();
    }

    public void Dispose() => socket.Dispose();
}
