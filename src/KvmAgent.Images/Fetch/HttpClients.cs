using System.Net;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// The client: no redirects, cookies or unpacking behind our back. http_proxy, https_proxy, all_proxy and no_proxy are
/// honoured by the handler's default proxy (no_proxy takes hosts and .domains, no CIDR ranges).
/// </summary>
internal static class HttpClients
{
    public static HttpClient Create(SourceAccess access, TimeSpan connect) => Create(access, connect, new AddressGuard(access.AllowAddresses));

    internal static HttpClient Create(SourceAccess access, TimeSpan connect, AddressGuard guard)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = connect,
            ConnectCallback = guard.ConnectAsync,
        };
        if (access.CaFile is not null || access.ClientCertificateFile is not null || access.InsecureTls)
            handler.SslOptions = Tls.Options(access);
        var client = new HttpClient(new ProxiedTargets(handler, guard)) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("kvm-agent");
        return client;
    }
}
