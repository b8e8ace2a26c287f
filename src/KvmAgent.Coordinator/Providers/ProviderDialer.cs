using System.Net;
using System.Net.Sockets;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Images.Fetch;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Providers;

/// <summary>
/// Dials other clusters. Where they are somebody has said who may add them, and not who runs this: so each connection, to a server or to the
/// proxy that a kubeconfig names, is to addresses alone that have been checked then, by the rules that images are fetched by. The proxy of
/// the environment is the operator's own; what is asked of it is checked where its name resolves here too.
/// </summary>
/// <param name="allowed">What is open all the same.</param>
internal sealed class ProviderDialer(IReadOnlyList<IPNetwork> allowed, TimeProvider time, HostAddresses.Resolver? resolve = null)
{
    /// <summary>How long a name is looked up that a proxy will look up again: behind one there is often no DNS.</summary>
    private static readonly TimeSpan BehindProxy = TimeSpan.FromSeconds(2);

    private readonly AddressRules _rules = new(allowed);
    private readonly HostAddresses _hosts = new(resolve);

    /// <exception cref="CoordinatorException">What is kept of it makes no sense, or would reach what is here.</exception>
    public KubernetesClient Dial(KeptProvider kept)
    {
        try
        {
            var connection = kept.Kubeconfig is { } kubeconfig ? KubernetesConnection.OfUpload(kubeconfig, kept.Context) : KubernetesConnection.To(ServerOf(kept), LoginOf(kept), kept.CertificateAuthority);
            return new KubernetesClient(
                connection, time, new KubernetesClientOptions { UserAgent = "kvm-coordinator", Connect = (context, cancel) => ConnectAsync(connection, context.DnsEndPoint, cancel) });
        }
        catch (KubernetesConfigException e)
        {
            throw new CoordinatorException(FailureReason.BadRequest, e.Message);
        }
    }

    /// <exception cref="CoordinatorException">It is none that is taken; its text has no more of it than is no secret.</exception>
    private static Uri ServerOf(KeptProvider kept) =>
        Uri.TryCreate(kept.Server, UriKind.Absolute, out var server) && server.Scheme == Uri.UriSchemeHttps && server.UserInfo.Length == 0 && server.Query.Length == 0
            ? server
            : throw new CoordinatorException(FailureReason.BadRequest, "server is no https address; give one such as https://host:6443, with no user in it");

    private static ServerLogin LoginOf(KeptProvider kept) => kept.Credential is null
        ? throw new CoordinatorException(FailureReason.BadRequest, "there are no credentials; give a kubeconfig, or server with token, client_certificate and client_key, or username and password")
        : new ServerLogin { Token = kept.Token, ClientCertificate = kept.ClientCertificate, ClientKey = kept.ClientKey, Username = kept.Username, Password = kept.Password };

    private async ValueTask<Stream> ConnectAsync(KubernetesConnection connection, DnsEndPoint to, CancellationToken cancel)
    {
        var addresses = await _hosts.OfAsync(to.Host, cancel).ConfigureAwait(false);
        if (connection.NamedProxy is not null || !IsAt(EnvironmentProxy(connection.Server), to))
        {
            Demand(to.Host, addresses);
        }

        if (!IsAt(connection.Server, to))
        {
            await CheckBehindProxyAsync(connection.Server.IdnHost, cancel).ConfigureAwait(false);
        }

        return await HostAddresses.ConnectAsync(addresses, to.Port, cancel).ConfigureAwait(false);
    }

    private async Task CheckBehindProxyAsync(string host, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(BehindProxy, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            Demand(host, await _hosts.OfAsync(host, either.Token).ConfigureAwait(false));
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // Names that only the proxy knows are the proxy's to judge.
        }
    }

    /// <summary>One bad address among good ones is enough: which of them is taken would be chance.</summary>
    private void Demand(string host, IPAddress[] addresses)
    {
        foreach (var address in addresses)
        {
            if (_rules.WhyNot(address) is { } denied)
            {
                throw new CoordinatorException(
                    FailureReason.BadRequest,
                    $"host '{host}' is refused: it is at {address}, {denied.What}, where no cluster is looked for; if one is really there, set {Setting.ProviderAllowAddress.Name}={denied.Address}");
            }
        }
    }

    private static Uri? EnvironmentProxy(Uri server) => HttpClient.DefaultProxy.IsBypassed(server) ? null : HttpClient.DefaultProxy.GetProxy(server);

    private static bool IsAt(Uri? address, DnsEndPoint endPoint) =>
        address is not null && address.Port == endPoint.Port && string.Equals(address.IdnHost, endPoint.Host, StringComparison.OrdinalIgnoreCase);
}
