using System.Net;
using System.Net.WebSockets;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>A subresource that is a stream: a console, a screen.</summary>
    /// <param name="path">With its query.</param>
    /// <param name="protocol">What the stream speaks (<c>Sec-WebSocket-Protocol</c>); the server may leave it out.</param>
    /// <exception cref="KubernetesException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">No answer came in time, or none of a WebSocket's.</exception>
    public async Task<WebSocket> ConnectAsync(string path, string protocol, CancellationToken ct)
    {
        path = path.TrimStart('/');
        var request = $"CONNECT /{path}";
        var handshake = new WebSocketHandshake(protocol);
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        HttpResponseMessage? response = null;
        try
        {
            response = await _transport.UpgradeAsync(path, handshake, either.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                var body = await Body.ReadAsync(response, MostObjectBytes, request, either.Token).ConfigureAwait(false);
                throw response.IsSuccessStatusCode ? NoWebSocket(request, $"{(int)response.StatusCode} instead of 101") : Failure.Of(request, response, body, _time.GetUtcNow(), Connection.Credentials);
            }

            return await handshake.EndAsync(response, either.Token).ConfigureAwait(false) ?? throw NoWebSocket(request, "Sec-WebSocket-Accept is wrong");
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
}
