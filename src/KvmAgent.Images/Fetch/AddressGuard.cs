using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// Keeps a fetch away from what no image server is (<see cref="AddressRules"/>). The addresses of every hop are checked when it is connected
/// to, and no others are connected to, so that a name that changes its address in between gains nothing.
/// </summary>
internal sealed class AddressGuard(IReadOnlyList<IPNetwork> allowed, HostAddresses.Resolver? resolve = null)
{
    /// <summary>How long a name is looked up that a proxy will look up again: behind one there is often no DNS.</summary>
    private static readonly TimeSpan BehindProxy = TimeSpan.FromSeconds(2);

    private readonly AddressRules _rules = new(allowed);
    private readonly HostAddresses _hosts = new(resolve);

    /// <summary>A connection to one of the host's addresses, all of which were checked; for the handler's ConnectCallback.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await _hosts.OfAsync(host, ct).ConfigureAwait(false);
        if (!HttpProxy.IsProxy(context))
            Demand(host, addresses, context.InitialRequestMessage.RequestUri!);
        return await HostAddresses.ConnectAsync(addresses, port, ct).ConfigureAwait(false);
    }

    /// <summary>Checks a host to which a proxy will connect, where its name is known here too.</summary>
    public async Task CheckBehindProxyAsync(Uri target, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(BehindProxy, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            Demand(target.IdnHost, await _hosts.OfAsync(target.IdnHost, either.Token).ConfigureAwait(false), target);
        }
        catch (Exception e) when (e is SocketException || e is OperationCanceledException && !ct.IsCancellationRequested)
        {
            // Names that only the proxy knows are the proxy's to judge.
        }
    }

    // One bad address among good ones is enough: which of them is taken would be chance.
    private void Demand(string host, IPAddress[] addresses, Uri target)
    {
        foreach (var address in addresses)
            if (_rules.WhyNot(address) is { } denied)
                throw new ImageException(ImageFailure.Refused,
                    $"{HttpAddress.Show(target)} is refused: its host '{host}' is at {address}, {denied.What}, where no image is looked for; "
                    + $"if one is really there, set IMG_ALLOW_ADDRESS={denied.Address}");
    }
}
