using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// Keeps a fetch away from what no image server is: this machine itself, its link, a cloud's metadata service. The addresses
/// of every hop are checked when it is connected to, and no others are connected to, so that a name that changes its
/// address in between gains nothing. Private ranges are open, for image servers live there.
/// </summary>
internal sealed class AddressGuard(IReadOnlyList<IPNetwork> allowed, AddressGuard.Resolver? resolve = null)
{
    /// <summary>How long a name is looked up that a proxy will look up again: behind one there is often no DNS.</summary>
    private static readonly TimeSpan BehindProxy = TimeSpan.FromSeconds(2);

    // The first that matches names it, so the narrow ones stand first.
    private static readonly (IPNetwork Network, string What)[] Denied =
    [
        (IPNetwork.Parse("169.254.169.254/32"), Metadata),
        (IPNetwork.Parse("169.254.170.0/24"), Metadata), // credentials of AWS's ECS and EKS
        (IPNetwork.Parse("100.100.100.200/32"), Metadata), // Alibaba
        (IPNetwork.Parse("168.63.129.16/32"), Metadata), // Azure's wire server
        (IPNetwork.Parse("192.0.0.192/32"), Metadata), // Oracle, of old
        (IPNetwork.Parse("fd00:ec2::/32"), Metadata), // AWS
        (IPNetwork.Parse("fd20:ce::254/128"), Metadata), // Google
        (IPNetwork.Parse("fd00:c1::a9fe:a9fe/128"), Metadata), // Oracle
        (IPNetwork.Parse("fd00:42::42/128"), Metadata), // Scaleway
        (IPNetwork.Parse("fe80::a9fe:a9fe/128"), Metadata), // OpenStack
        (IPNetwork.Parse("127.0.0.0/8"), Loopback),
        (IPNetwork.Parse("::1/128"), Loopback),
        (IPNetwork.Parse("169.254.0.0/16"), LinkLocal),
        (IPNetwork.Parse("fe80::/10"), LinkLocal),
        (IPNetwork.Parse("0.0.0.0/8"), Unspecified), // Linux connects 0.0.0.0 to itself
        (IPNetwork.Parse("::/128"), Unspecified),
        (IPNetwork.Parse("224.0.0.0/4"), "a multicast address"),
        (IPNetwork.Parse("ff00::/8"), "a multicast address"),
        (IPNetwork.Parse("255.255.255.255/32"), "the broadcast address"),
    ];

    // Where an IPv4 address hides in an IPv6 one, and at which byte; IPNetwork takes IPv4-mapped ones for the IPv4 ones they are.
    private static readonly (IPNetwork Network, int At)[] Embedding =
    [
        (IPNetwork.Parse("::ffff:0:0:0/96"), 12), // IPv4-translated, RFC 2765
        (IPNetwork.Parse("::/96"), 12), // IPv4-compatible
        (IPNetwork.Parse("64:ff9b::/96"), 12), // NAT64
        (IPNetwork.Parse("64:ff9b:1::/48"), 12), // NAT64 of a site's own, RFC 8215
        (IPNetwork.Parse("2002::/16"), 2), // 6to4
    ];

    private const string Metadata = "the metadata service of a cloud";
    private const string Loopback = "this machine itself (loopback)";
    private const string LinkLocal = "a link-local address";
    private const string Unspecified = "an unspecified address";

    private readonly Resolver _resolve = resolve ?? (static (host, ct) => Dns.GetHostAddressesAsync(host, ct));

    public delegate Task<IPAddress[]> Resolver(string host, CancellationToken ct);

    /// <summary>What the address is that must not be asked, and the form of it to allow; null where it may be asked.</summary>
    public (string What, IPAddress Address)? WhyNot(IPAddress address)
    {
        IPAddress[] forms = [.. Forms(address)];
        if (forms.Any(form => allowed.Any(network => network.Contains(form))))
            return null;
        foreach (var (network, what) in Denied)
            if (forms.LastOrDefault(network.Contains) is { } form)
                return (what, form);
        return null;
    }

    /// <summary>A connection to one of the host's addresses, all of which were checked; for the handler's ConnectCallback.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await ResolveAsync(host, ct).ConfigureAwait(false);
        if (!HttpProxy.IsProxy(context))
            Demand(host, addresses, context.InitialRequestMessage.RequestUri!);
        SocketException? failure = null;
        foreach (var address in addresses)
        {
            Socket? socket = null;
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(new IPEndPoint(address, port), ct).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e)
            {
                socket?.Dispose();
                if (e is not SocketException fault)
                    throw;
                failure = fault;
            }
        }
        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }

    /// <summary>Checks a host to which a proxy will connect, where its name is known here too.</summary>
    public async Task CheckBehindProxyAsync(Uri target, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(BehindProxy, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            Demand(target.IdnHost, await ResolveAsync(target.IdnHost, either.Token).ConfigureAwait(false), target);
        }
        catch (Exception e) when (e is SocketException || e is OperationCanceledException && !ct.IsCancellationRequested)
        {
            // Names that only the proxy knows are the proxy's to judge.
        }
    }

    private static IEnumerable<IPAddress> Forms(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : new IPAddress(address.GetAddressBytes()); // without the scope
        yield return plain;
        if (plain.Equals(IPAddress.IPv6Any) || plain.Equals(IPAddress.IPv6Loopback))
            yield break; // in the range of the IPv4-compatible ones, and none of them
        foreach (var (network, at) in Embedding)
            if (network.Contains(plain))
                yield return new IPAddress(plain.GetAddressBytes().AsSpan(at, 4));
    }

    // A literal needs no resolver, and the resolver would not take 0.0.0.0.
    private async Task<IPAddress[]> ResolveAsync(string host, CancellationToken ct) =>
        IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, ct).ConfigureAwait(false);

    // One bad address among good ones is enough: which of them is taken would be chance.
    private void Demand(string host, IPAddress[] addresses, Uri target)
    {
        foreach (var address in addresses)
            if (WhyNot(address) is { } denied)
                throw new ImageException(ImageFailure.Refused,
                    $"{HttpAddress.Show(target)} is refused: its host '{host}' is at {address}, {denied.What}, where no image is looked for; "
                    + $"if one is really there, set IMG_ALLOW_ADDRESS={denied.Address}");
    }
}
