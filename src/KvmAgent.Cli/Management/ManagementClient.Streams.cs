using System.Net;
using System.Net.WebSockets;
using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;

namespace KvmAgent.Cli.Management;

internal sealed partial class ManagementClient
{
    /// <summary>A machine's console or screen.</summary>
    /// <param name="path">With its query.</param>
    /// <exception cref="CliException">It is refused before there is a socket; why it is later, its close tells.</exception>
    public async Task<WebSocket> ConnectAsync(string path, CancellationToken cancel)
    {
        var handshake = new WebSocketHandshake(StreamProtocols.Plain);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        handshake.Ask(request);
        var response = await BeginAsync(request, HttpStatusCode.SwitchingProtocols, cancel).ConfigureAwait(false);
        if (await handshake.EndAsync(response, cancel).ConfigureAwait(false) is { } socket)
        {
            return socket;
        }

        response.Dispose();
        throw new CliException(ExitCodes.Unavailable, $"{_http.BaseAddress} speaks no WebSocket: its Sec-WebSocket-Accept is wrong; see that the proxies on the way let them through");
    }
}
