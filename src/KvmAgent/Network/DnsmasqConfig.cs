using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>What dnsmasq tells the guest, apart from the addresses.</summary>
internal sealed record GuestDns(IReadOnlyList<IPAddress> Servers, IReadOnlyList<string> Search);

/// <summary>
/// dnsmasq.conf: DHCP, and router advertisements where the guest has IPv6, but no DNS: the guest asks the pod's name servers itself.
/// </summary>
internal static class DnsmasqConfig
{
    public const string FileName = "dnsmasq.conf";
    public const string LeaseFileName = "dnsmasq.leases";

    /// <summary>dnsmasq reads its lines into a buffer of 1025 bytes (MAXDNAME) and would take the rest for a line of its own.</summary>
    private const int LongestLine = 1000;

    /// <summary>Seconds between unsolicited router advertisements: a guest asks for one when it starts.</summary>
    private const int AdvertisementInterval = 600;

    public static string Create(
        NetworkRequest request, int mtu, IPAddress? router, AddressMapping? v6, GuestDns dns, List<string> warnings)
    {
        var search = FitSearch(dns.Search, warnings);
        var servers = dns.Servers.Where(server => server.AddressFamily == AddressFamily.InterNetwork).Select(server => $"{server}");
        var servers6 = dns.Servers.Where(server => server.AddressFamily == AddressFamily.InterNetworkV6).Select(server => $"[{server}]");
        List<string> lines =
        [
            "port=0",
            $"interface={BridgeLinks.Bridge}",
            "except-interface=lo",
            "bind-interfaces",
            "user=nobody",
            "group=nogroup",
            "pid-file",
            "log-facility=-",
            "quiet-dhcp",
            $"dhcp-leasefile={Path.Combine(request.RunDir, LeaseFileName)}",

            // The address is the guest's alone: nobody to ask (a ping takes 3 s), nobody else to answer, nothing ever to expire.
            "no-ping",
            "dhcp-authoritative",
            "dhcp-rapid-commit",
            $"dhcp-range={request.VmIp},static,{VmSubnet.Netmask},infinite",

            // id:* knows the guest by its card, whatever its firmware, its initramfs and its system call themselves.
            string.Join(',', new[]
            {
                $"dhcp-host={request.Mac}", "id:*", $"{request.VmIp}", v6 is null ? null : $"[{v6.Guest}]", HostName(request, warnings), "infinite",
            }.OfType<string>()),
            "dhcp-ignore-names",
            router is null ? "dhcp-option=option:router" : $"dhcp-option=option:router,{router}",
            Number($"dhcp-option=option:mtu,{mtu}"),
            List("dhcp-option=option:dns-server", servers, warnings),
            List("dhcp-option=option:domain-search", search, warnings),
        ];
        if (search.Count > 0)
        {
            // Windows knows no search list, only this.
            lines.Add($"dhcp-option=option:domain-name,{search[0]}");
        }

        if (v6 is not null)
        {
            // slaac and static: the same address whether the guest makes it from the advertised prefix or asks DHCPv6.
            lines.AddRange(
            [
                "quiet-dhcp6",
                "quiet-ra",
                "enable-ra",
                $"dhcp-range={v6.Subnet.BaseAddress},static,slaac,{VmSubnet.PrefixLength6},infinite",
                Number($"ra-param={BridgeLinks.Bridge},mtu:{mtu},{AdvertisementInterval},{3 * AdvertisementInterval}"),
                List("dhcp-option=option6:dns-server", servers6, warnings),
                List("dhcp-option=option6:domain-search", search, warnings),
            ]);
        }

        return string.Join('\n', lines) + "\n";
    }

    private static string? HostName(NetworkRequest request, List<string> warnings)
    {
        if (request.HostName is not { } asked)
        {
            return null;
        }

        var name = DomainName.Normalise(asked);
        if (name is null)
        {
            warnings.Add($"DHCP does not tell the guest its name: {asked} is no host name");
        }

        return name;
    }

    /// <summary>An option and as many of its values as a line can hold.</summary>
    private static string List(string option, IEnumerable<string> values, List<string> warnings)
    {
        var line = option;
        foreach (var value in values)
        {
            if (line.Length + value.Length < LongestLine)
            {
                line += $",{value}";
            }
            else
            {
                warnings.Add($"{value} is left out: DHCP cannot tell the guest so many name servers or search domains");
            }
        }

        return line;
    }

    private static IReadOnlyList<string> FitSearch(IReadOnlyList<string> search, List<string> warnings)
    {
        var kept = SearchList.Fit(search);
        if (kept.Count < search.Count)
        {
            warnings.Add($"search domains {string.Join(", ", search.Skip(kept.Count))} are left out: DHCP has 255 bytes for the list");
        }

        return kept;
    }

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
