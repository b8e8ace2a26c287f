namespace KvmAgent.Images.Fetch;

/// <summary>The proxy of the environment, told as the handler tells it.</summary>
internal static class HttpProxy
{
    /// <summary>The proxy through which an address is asked; null where it is asked directly.</summary>
    public static Uri? For(Uri target) =>
        HttpClient.DefaultProxy.IsBypassed(target) ? null : HttpClient.DefaultProxy.GetProxy(target);

    /// <summary>Whether the connection goes to the proxy: by CONNECT, which nobody else is sent, or because it is where the proxy is.</summary>
    public static bool IsProxy(SocketsHttpConnectionContext context)
    {
        var request = context.InitialRequestMessage;
        return request.Method == HttpMethod.Connect
            || For(request.RequestUri!) is { } proxy && proxy.Port == context.DnsEndPoint.Port
            && string.Equals(proxy.IdnHost, context.DnsEndPoint.Host, StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>Has the target checked of every request that goes through a proxy; a connection to the proxy says nothing of it, and is used again.</summary>
internal sealed class ProxiedTargets(HttpMessageHandler inner, AddressGuard guard) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (HttpProxy.For(request.RequestUri!) is not null)
            await guard.CheckBehindProxyAsync(request.RequestUri!, cancellationToken).ConfigureAwait(false);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }
}
