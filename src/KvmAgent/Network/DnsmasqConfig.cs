using System.Globalization;
using System.Net;
using System.Text;

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

    public static string Create(
        NetworkRequest request, int mtu, IPAddress? router, AddressMapping? v6, GuestDns dns, List<string> warnings)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        Line($"port=0");
        Line($"interface={BridgeLinks.Bridge}");
        Line($"except-interface=lo");
        Line($"bind-interfaces");
        Line($"user=nobody");
        Line($"group=nogroup");
        Line($"pid-file");
        Line($"log-facility=-");
        Line($"quiet-dhcp");
        Line($"dhcp-leasefile={Path.Combine(request.RunDir, LeaseFileName)}");

        // The address is the guest's alone: nobody to ask (a ping takes 3 s), nobody else to answer, nothing ever to expire.
        Line($"no-ping");
        Line($"dhcp-authoritative");
        Line($"dhcp-rapid-commit");
        Line($"dhcp-range={request.VmIp},static,{VmSubnet.Netmask},infinite");

        // id:* knows the guest by its card, whatever its firmware, its initramfs and its system call themselves.
        var name = request.HostName is { } host ? $",{host}" : "";
        var address6 = v6 is null ? "" : $",[{v6.Guest}]";
        Line($"dhcp-host={request.Mac},id:*,{request.VmIp}{address6}{name},infinite");
        Line($"dhcp-ignore-names");

        Line($"dhcp-option=option:router{(router is null ? "" : $",{router}")}");
        Line($"dhcp-option=option:mtu,{mtu}");
        var search = FitSearch(dns.Search, warnings);
        List("dhcp-option=option:dns-server", dns.Servers.Where(server => server.AddressFamily == request.VmIp.AddressFamily));
        List("dhcp-option=option:domain-search", search);
        if (search.Count > 0)
        {
            // Windows knows no search list, only this.
            Line($"dhcp-option=option:domain-name,{search[0]}");
        }

        return text.ToString();

        void List<T>(string option, IEnumerable<T> items)
        {
            var line = option;
            var left = items.Select(item => $"{item}").ToList();
            while (left.Count > 0 && line.Length + left[0].Length < LongestLine)
            {
                line += $",{left[0]}";
                left.RemoveAt(0);
            }

            text.Append(line).Append('\n');
            if (left.Count > 0)
            {
                warnings.Add($"{string.Join(", ", left)} left out: more than DHCP can tell the guest in one option");
            }
        }
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
}
