using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>A network that the pod uses already, and what to call it in an error.</summary>
internal sealed record UsedNetwork(IPNetwork Network, string What);

/// <summary>
/// What the pod's namespace has. The pod's device is that of its default route: a gateway may lie outside of the pod's subnet
/// (Calico: a /32 address behind 169.254.1.1), and nothing says that a device is called eth0.
/// </summary>
internal sealed record PodNetwork
{
    /// <summary>The device of the default route.</summary>
    public required string Device { get; init; }

    /// <summary>The pod's IPv4 address; null in a cluster of IPv6 alone.</summary>
    public required IPAddress? Address { get; init; }

    public required IPAddress? Address6 { get; init; }

    /// <summary>What passes out of the pod in one piece: the least of the devices' and the default routes'.</summary>
    public required int Mtu { get; init; }

    /// <summary>Addresses and routes that the guest's private network must keep clear of.</summary>
    public required IReadOnlyList<UsedNetwork> Used { get; init; }

    /// <summary>Which of our own links a predecessor left behind.</summary>
    public required IReadOnlySet<string> Leftovers { get; init; }

    public required ResolvConf Resolv { get; init; }

    public required Forwarding Forwarding { get; init; }

    /// <summary>Looks at the namespace without touching it.</summary>
    public static async Task<PodNetwork> DiscoverAsync(HostPaths paths, CancellationToken cancel = default)
    {
        // One process for both questions: each costs milliseconds of the time until the guest runs.
        var answers = await NetworkProgram.Ip.RunAsync(["-json", "-batch", "-"], "address show\nroute show table all\n", cancel)
            .ConfigureAwait(false);
        return Parse(answers, paths);
    }

    /// <param name="answers">A line of JSON with links and addresses, and one with routes.</param>
    /// <param name="paths">Where resolv.conf and /proc/sys are.</param>
    public static PodNetwork Parse(string answers, HostPaths paths)
    {
        var lines = answers.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var links = IpJson.Links(lines.ElementAtOrDefault(0));
        var routes = IpJson.Routes(lines.ElementAtOrDefault(1));
        var route = Default(routes, AddressFamily.InterNetwork);
        var route6 = Default(routes, AddressFamily.InterNetworkV6);
        var device = (route ?? route6)?.Device ?? throw new AgentException(
            FailureReason.Missing, "the pod has no default route (`ip route` and `ip -6 route` show none), so its address is not known; "
            + "the guest needs a pod with a network: neither hostNetwork nor a namespace without a route");
        var device6 = route6?.Device ?? device;
        return new PodNetwork
        {
            Device = device,
            Address = route is null ? null : Source(links, route, AddressFamily.InterNetwork) ?? throw new AgentException(
                FailureReason.Missing, $"the pod's device {device} has a default route but no IPv4 address; see `ip address show dev {device}`"),
            Address6 = Source(links, route6 ?? new PodRoute { Device = device }, AddressFamily.InterNetworkV6),
            Mtu = new[] { Link(device)?.Mtu, Link(device6)?.Mtu, route?.Mtu, route6?.Mtu }.Min()!.Value,
            Used = [.. Use(links, routes)],
            Leftovers = links.Select(link => link.Name).Where(BridgeLinks.IsOurs).ToHashSet(),
            Resolv = ResolvConf.Read(paths.ResolvConf),
            Forwarding = Forwarding.Read(paths, device6),
        };

        PodLink? Link(string name) => links.FirstOrDefault(link => link.Name == name);
    }

    private static PodRoute? Default(IReadOnlyList<PodRoute> routes, AddressFamily family) =>
        routes.Where(route => route.IsDefault && route.Family == family).MinBy(route => route.Metric);

    private static IPAddress? Source(IReadOnlyList<PodLink> links, PodRoute route, AddressFamily family) =>
        route.Source ?? links.FirstOrDefault(link => link.Name == route.Device)?.Addresses
            .FirstOrDefault(address => address.IsLasting && address.Address.AddressFamily == family)?.Address;

    private static IEnumerable<UsedNetwork> Use(IReadOnlyList<PodLink> links, IReadOnlyList<PodRoute> routes)
    {
        foreach (var link in links.Where(link => !BridgeLinks.IsOurs(link.Name)))
        {
            foreach (var address in link.Addresses)
            {
                yield return new UsedNetwork(address.Network, $"the pod's address {address.Address}/{address.Network.PrefixLength} on {link.Name}");
            }
        }

        foreach (var route in routes.Where(route => IsSpecific(route) && !BridgeLinks.IsOurs(route.Device)))
        {
            yield return new UsedNetwork(route.Destination!.Value, $"the pod's route to {route.Destination} on {route.Device}");
        }
    }

    /// <summary>
    /// Whether a route says that its addresses are in use. 0.0.0.0/1 and 128.0.0.0/1 are how some VPNs write a default route; and what
    /// is wider than an IPv6 site (fd00::/8 to a router) holds any prefix that one could take.
    /// </summary>
    private static bool IsSpecific(PodRoute route)
    {
        const int half = 1, site = 48;
        return route.Destination is { } network
            && (route.Family == AddressFamily.InterNetwork ? network.PrefixLength > half : network.PrefixLength >= site);
    }
}
