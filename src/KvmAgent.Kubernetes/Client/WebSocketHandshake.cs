using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Kubernetes;

/// <summary>
/// A WebSocket's beginning over an HTTP client's own connections (RFC 6455, section 4). By hand rather than by <see cref="ClientWebSocket"/>,
/// which shows nothing of a refusal but its status, where the server says why.
/// </summary>
public sealed class WebSocketHandshake
{
    /// <summary>Idle sessions live behind proxies, and dead ones end.</summary>
    private static readonly TimeSpan _pingEvery = TimeSpan.FromSeconds(15), _pongLimit = TimeSpan.FromSeconds(60);

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
    private readonly string _protocol;

    /// <param name="protocol">What the stream speaks (<c>Sec-WebSocket-Protocol</c>); the server may leave it out.</param>
    public WebSocketHandshake(string protocol) => _protocol = protocol;

    /// <summary>Makes a GET ask for the socket, which is HTTP/1.1's.</summary>
    public void Ask(HttpRequestMessage request)
    {
        (request.Version, request.VersionPolicy) = (HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact);
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", _key);
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", _protocol);
    }

    /// <param name="response">Of status 101. Its stream is the connection from now on, and closes it.</param>
    /// <returns>Null where the other end does not speak WebSocket: its Sec-WebSocket-Accept is wrong.</returns>
    public async Task<WebSocket?> EndAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (!response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept) || accept.Single() != Accept())
        {
            return null;
        }

        var stream = await response.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        return WebSocket.CreateFromStream(
            stream, new WebSocketCreationOptions { IsServer = false, SubProtocol = _protocol, KeepAliveInterval = _pingEvery, KeepAliveTimeout = _pongLimit });
    }

#pragma warning disable CA5350 // It proves that the other end speaks WebSocket, and nothing else.
    private string Accept() => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(_key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
}
