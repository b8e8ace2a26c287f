using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using KvmAgent.Settings;

namespace KvmAgent.Link;

/// <summary>Plain requests to the coordinator, and the connections below all that is asked of it.</summary>
internal static class LinkHttp
{
    /// <param name="address">Whom to dial, by the URL's name to TLS and HTTP; null: any that the name has.</param>
    /// <exception cref="IOException">What is not TLS would leave this machine.</exception>
    public static SocketsHttpHandler Handler(LinkSettings settings, IPAddress? address)
    {
        // Never to anybody else: what is not TLS stays on this machine, even where its name means another.
        if (settings.Url!.Scheme == "http" && address is not null && !IPAddress.IsLoopback(address))
        {
            throw new IOException("is no loopback address, which http:// is for");
        }

        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, SslOptions = LinkCredentials.Trust(settings) };
        if (address is not null)
        {
            handler.ConnectCallback = (context, cancel) => DialAsync(address, context.DnsEndPoint.Port, cancel);
        }

        return handler;
    }

    /// <summary>With the pod's token, which is read each time.</summary>
    /// <param name="path">Below the URL.</param>
    /// <exception cref="IOException">There is no token.</exception>
    public static async Task<HttpRequestMessage> RequestAsync(LinkSettings settings, HttpMethod method, string path, CancellationToken cancel)
    {
        var url = new UriBuilder(settings.Url!);
        url.Path = url.Path.TrimEnd('/') + path;
        var request = new HttpRequestMessage(method, url.Uri);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await LinkCredentials.ReadTokenAsync(settings, cancel).ConfigureAwait(false));
        return request;
    }

    private static async ValueTask<Stream> DialAsync(IPAddress address, int port, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, port, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
