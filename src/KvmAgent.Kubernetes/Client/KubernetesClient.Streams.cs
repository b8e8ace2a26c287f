using System.Net;
using System.Net.WebSockets;

namespace KvmAgent.Kubernetes;

public sealed partial class KubernetesClient
{
    /// <summary>As kubectl asks for logs: what is refused is told as JSON.</summary>
    private const string AnyMedia = "application/json, */*";

    private const int TextPiece = 16384;

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

    /// <summary>A text that goes on, as a pod's log does. The beginning has the deadline of other requests, what follows has none.</summary>
    /// <param name="path">With its query.</param>
    /// <param name="take">Is given what has come each time; it ends with the server's end.</param>
    /// <exception cref="KubernetesException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">There is no connection, or it broke.</exception>
    public async Task ReadTextAsync(string path, Func<ReadOnlyMemory<byte>, Task> take, CancellationToken ct)
    {
        path = path.TrimStart('/');
        var request = $"GET /{path}";
        using var deadline = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        using var response = await BeginAsync(request, path, AnyMedia, either.Token, ct).ConfigureAwait(false);
        deadline.CancelAfter(Timeout.InfiniteTimeSpan);
        var buffer = new byte[TextPiece];
        var text = await response.Content.ReadAsStreamAsync(ct).ConfigureAwait(false);
        await using (text.ConfigureAwait(false))
        {
            while (await PieceAsync(text).ConfigureAwait(false) is > 0 and var count)
            {
                await take(buffer.AsMemory(0, count)).ConfigureAwait(false);
            }
        }

        async Task<int> PieceAsync(Stream stream)
        {
            try
            {
                return await stream.ReadAsync(buffer, ct).ConfigureAwait(false);
            }
            catch (Exception e) when (NoAnswer(request, e, _options.RequestTimeout, ct) is { } failure)
            {
                throw failure;
            }
        }
    }

    /// <summary>An answer that goes on, of which no more is read than that the server does not refuse.</summary>
    private async Task<HttpResponseMessage> BeginAsync(string request, string path, string accept, CancellationToken either, CancellationToken ct)
    {
        try
        {
            var response = await _transport.SendAsync(HttpMethod.Get, path, null, null, either, accept).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                throw Failure.Of(request, response, await Body.ReadAsync(response, MostObjectBytes, request, either).ConfigureAwait(false), _time.GetUtcNow(), Connection.Credentials);
            }
        }
        catch (Exception e) when (NoAnswer(request, e, _options.RequestTimeout, ct) is { } failure)
        {
            throw failure;
        }
    }

    private HttpRequestException NoWebSocket(string request, string why) => new(
        HttpRequestError.InvalidResponse, $"{request}: the answer of {Connection.Server} is no WebSocket's: {why}");
}
