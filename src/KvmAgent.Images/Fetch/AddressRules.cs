using System.Net;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// What no server of others is at: this machine itself, its link, a cloud's metadata service. Private ranges are open, for servers live
/// there. Of the framework alone, since the coordinator is compiled with it too.
/// </summary>
internal sealed class AddressRules(IReadOnlyList<IPNetwork> allowed)
{
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
}
