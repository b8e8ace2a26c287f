namespace KvmAgent.Kubernetes;

/// <summary>
/// Connections to a server. One shows its certificate once, so each certificate has others; and a request that is to count by its token alone
/// must not go by one that shows any, for the server would take it as the certificate's.
/// </summary>
/// <param name="connect">Makes them; null: the runtime does.</param>
internal sealed class Connections(KubernetesConnection connection, Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>>? connect = null) : IDisposable
{
    private readonly Lock _gate = new();
    private ClientCertificate? _certificate;
    private HttpMessageInvoker? _certified;
    private HttpMessageInvoker? _plain;
    private bool _disposed;

    /// <param name="certificate">Null: none is shown. What is under way with a former one may end.</param>
    public HttpMessageInvoker With(ClientCertificate? certificate)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(KubernetesClient));
            if (certificate is null)
            {
                return _plain ??= New(null);
            }

            if (_certified is null || !ReferenceEquals(certificate, _certificate))
            {
                (_certificate, _certified) = (certificate, New(certificate));
            }

            return _certified;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _certified?.Dispose();
            _plain?.Dispose();
        }
    }

    private HttpMessageInvoker New(ClientCertificate? certificate) => new(Handler(certificate), disposeHandler: true);

    private SocketsHttpHandler Handler(ClientCertificate? certificate) => new()
    {
        // A token must not go anywhere else.
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        ConnectCallback = connect,
        EnableMultipleHttp2Connections = true,
        // A server that vanished without a word is noticed within a minute, also by a watch that has nothing to say.
        KeepAlivePingDelay = TimeSpan.FromSeconds(30),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        Proxy = connection.Proxy,
        UseProxy = connection.Proxy is not null || connection.ProxyOfEnvironment,
        SslOptions = connection.Trust.TlsOptions(certificate),
    };
}
