using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>Idle sessions live behind proxies, and dead ones end.</summary>
    private static readonly TimeSpan _pingEvery = TimeSpan.FromSeconds(15), _pongLimit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A subresource that is a stream: a console, a screen. By hand rather than by <see cref="ClientWebSocket"/>, which shows nothing of
    /// a refusal but its status, where the API says why.
    /// </summary>
    /// <param name="path">With its query.</param>
    /// <param name="protocol">What the stream speaks (<c>Sec-WebSocket-Protocol</c>); the server may leave it out.</param>
    /// <exception cref="KubernetesException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">No answer came in time, or none of a WebSocket's.</exception>
    public async Task<WebSocket> ConnectAsync(string path, string protocol, CancellationToken ct)
    {
        path = path.TrimStart('/');
        var request = $"CONNECT /{path}";
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        HttpResponseMessage? response = null;
        try
        {
            response = await _transport.UpgradeAsync(path, key, protocol, either.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                var body = await Body.ReadAsync(response, MostObjectBytes, request, either.Token).ConfigureAwait(false);
                throw response.IsSuccessStatusCode ? NoWebSocket(request, $"{(int)response.StatusCode} instead of 101") : Failure.Of(request, response, body, _time.GetUtcNow(), Connection.Credentials);
            }

            if (!response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept) || accept.Single() != Accept(key))
            {
                throw NoWebSocket(request, "Sec-WebSocket-Accept is wrong");
            }

            // The stream is the connection from now on, and closes it.
            var stream = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = false, KeepAliveInterval = _pingEvery, KeepAliveTimeout = _pongLimit });
        }
        catch (Exception e)
        {
            response?.Dispose();
            if (NoAnswer(request, e, _options.RequestTimeout, ct) is { } failure)
            {
                throw failure;
            }

            throw;
        }
    }

    private HttpRequestException NoWebSocket(string request, string why) => new(
        HttpRequestError.InvalidResponse, $"{request}: the answer of {Connection.Server} is no WebSocket's: {why}");

    /// <summary>RFC 6455, section 4.2.2.</summary>
#pragma warning disable CA5350 // It proves that the other end speaks WebSocket, and nothing else.
    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
}
