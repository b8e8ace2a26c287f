using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using KvmAgent.Contracts.Link;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Link;

/// <summary>
/// Opens WebSockets to one address of the coordinator's, by its name to TLS and HTTP: each replica has an address of its own behind one
/// name. Token and authorities are read again each time, as both rotate. The VM's own token goes first; where it is refused (the coordinator
/// has lost or forgotten it, or is another) the shared one is tried.
/// </summary>
internal sealed class LinkDialer(LinkSettings settings, Enrolment enrolment, TimeProvider time)
{
    private const int LongestRefusal = 256;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <param name="address">Whom to dial; no name is looked up.</param>
    /// <param name="path">Below the URL.</param>
    /// <exception cref="IOException">It did not come to be; the text says why.</exception>
    public async Task<WebSocket> DialAsync(IPAddress address, string path, CancellationToken cancel)
    {
        if (enrolment.ReadToken() is { } own)
        {
            try
            {
                return await DialAsync(address, path, _ => Task.FromResult(own), cancel).ConfigureAwait(false);
            }
            catch (UnknownTokenException)
            {
                // As below.
            }
        }

        return await DialAsync(address, path, c => LinkCredentials.ReadTokenAsync(settings, c), cancel).ConfigureAwait(false);
    }

    private sealed class UnknownTokenException(string message, Exception inner) : IOException(message, inner);

    private async Task<WebSocket> DialAsync(IPAddress address, string path, Func<CancellationToken, Task<string>> token, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.AddSubProtocol(LinkProtocol.SubProtocol);
            socket.Options.KeepAliveInterval = path == LinkProtocol.LinkPath ? TimeSpan.Zero : LinkProtocol.PingEvery;
            socket.Options.KeepAliveTimeout = LinkProtocol.PongLimit;
            socket.Options.CollectHttpResponseDetails = true;
            socket.Options.SetRequestHeader("Authorization", $"Bearer {await token(either.Token).ConfigureAwait(false)}");
            using var invoker = new HttpMessageInvoker(LinkHttp.Handler(settings, address));
            await socket.ConnectAsync(Url(path), invoker, either.Token).ConfigureAwait(false);
            return socket;
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or UnauthorizedAccessException
            or CryptographicException or InvalidOperationException or HttpRequestException or ArgumentException or FormatException)
        {
            var (why, status) = (Why(e, socket), socket.HttpStatusCode);
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw status == HttpStatusCode.Unauthorized ? new UnknownTokenException(why, e) : new IOException(why, e);
        }
    }

    private Uri Url(string path)
    {
        var url = new UriBuilder(settings.Url!) { Scheme = settings.Url!.Scheme == "http" ? "ws" : "wss" };
        url.Path = url.Path.TrimEnd('/') + path;
        return url.Uri;
    }

    private static string Why(Exception e, ClientWebSocket socket) => socket.HttpStatusCode switch
    {
        0 when e is OperationCanceledException => $"no answer within {Limit.TotalSeconds:0} s",
        0 => e.InnerException is { } cause ? $"{cause.Message}{(cause.InnerException is { } deeper ? $": {deeper.Message}" : "")}" : e.Message,
        var status => $"refused with {(int)status}{Refusal(socket)}",
    };

    /// <summary>The words of RFC 6750: what comes is a stranger's.</summary>
    private static string Refusal(ClientWebSocket socket)
    {
        var challenge = socket.HttpResponseHeaders?.TryGetValue("WWW-Authenticate", out var values) == true ? values.FirstOrDefault() : null;
        return challenge is not null && AuthenticationHeaderValue.TryParse(challenge, out var parsed) && parsed.Parameter is { } words
            ? $": {ConsoleText.Clean(words, LongestRefusal)}"
            : "";
    }
}
