using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Cli.Management;

internal sealed partial class ManagementClient
{
    /// <summary>KubeVirt's: frames are the bytes.</summary>
    private const string Protocol = "plain.kubevirt.io";

    /// <summary>Idle sessions live behind proxies, and dead ones end.</summary>
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15), PongLimit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A machine's console or screen. By hand rather than by <see cref="ClientWebSocket"/>, which shows nothing of a refusal but its status, where
    /// the coordinator says why.
    /// </summary>
    /// <param name="path">With its query.</param>
    /// <exception cref="CliException">It is refused before there is a socket; why it is later, its close tells.</exception>
    public async Task<WebSocket> ConnectAsync(string path, CancellationToken cancel)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", key);
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Protocol", Protocol);
        var response = await BeginAsync(request, HttpStatusCode.SwitchingProtocols, cancel).ConfigureAwait(false);
        if (!response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept) || accept.Single() != Accept(key))
        {
            response.Dispose();
            throw new CliException(ExitCodes.Unavailable, $"{_http.BaseAddress} speaks no WebSocket: its Sec-WebSocket-Accept is wrong; see that the proxies on the way let them through");
        }

        // The stream is the connection from now on, and closes it.
        var stream = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = false, SubProtocol = Protocol, KeepAliveInterval = PingEvery, KeepAliveTimeout = PongLimit });
    }

    /// <summary>RFC 6455, section 4.2.2.</summary>
#pragma warning disable CA5350 // It proves that the other end speaks WebSocket, and nothing else.
    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
}
