using System.Net;

namespace KvmAgent.Kubernetes;

/// <summary>Connections to the server, and the credential on each request. HTTP/2 where there is TLS, as other clients do: one connection for all watches.</summary>
internal sealed class Transport(KubernetesConnection connection, TimeProvider time, string userAgent) : IDisposable
{
    private readonly Lock _gate = new();
    private ClientCertificate? _certificate;
    private HttpMessageInvoker? _invoker;
    private bool _disposed;

    /// <param name="path">Below the server's address, with its query.</param>
    /// <returns>With its body still to be read.</returns>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body, string? contentType, CancellationToken ct)
    {
        var credential = await connection.Credentials.CurrentAsync(time, ct).ConfigureAwait(false);
        var response = await SendAsync(method, path, body, contentType, credential, ct).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && connection.Credentials.Refused(credential))
        {
            response.Dispose();
            credential = await connection.Credentials.CurrentAsync(time, ct).ConfigureAwait(false);
            response = await SendAsync(method, path, body, contentType, credential, ct).ConfigureAwait(false);
        }

        return response;
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, byte[]? body, string? contentType, Credential credential, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(connection.Server, path));
        if (request.RequestUri!.Scheme == Uri.UriSchemeHttps)
        {
            request.Version = HttpVersion.Version20;
            // The only way to another name in TLS that the runtime has.
            request.Headers.Host = connection.Trust.Name;
        }

        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.UserAgent.ParseAdd(userAgent);
        if (credential.Authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", credential.Authorization);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        return await Invoker(credential.Certificate).SendAsync(request, ct).ConfigureAwait(false);
    }

    /// <summary>A connection shows its certificate once: another certificate needs other connections. What is under way on the old ones may end.</summary>
    private HttpMessageInvoker Invoker(ClientCertificate? certificate)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(KubernetesClient));
            if (_invoker is null || !ReferenceEquals(certificate, _certificate))
            {
                _certificate = certificate;
                _invoker = new HttpMessageInvoker(Handler(certificate), disposeHandler: true);
            }

            return _invoker;
        }
    }

    private SocketsHttpHandler Handler(ClientCertificate? certificate) => new()
    {
        // A token must not go anywhere else.
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        EnableMultipleHttp2Connections = true,
        // A server that vanished without a word is noticed within a minute, also by a watch that has nothing to say.
        KeepAlivePingDelay = TimeSpan.FromSeconds(30),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        Proxy = connection.Proxy,
        UseProxy = connection.Proxy is not null || connection.ProxyOfEnvironment,
        SslOptions = connection.Trust.TlsOptions(certificate),
    };

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _invoker?.Dispose();
        }
    }
}
