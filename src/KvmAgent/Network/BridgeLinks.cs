using System.Globalization;
using System.Net;
using System.Text;

namespace KvmAgent.Network;

/// <summary>The two links between the pod and its guest, as commands for <c>ip -batch</c>.</summary>
internal static class BridgeLinks
{
    public const string Bridge = "vmbr0";
    public const string Tap = "vmtap0";

    /// <summary>The gateway's link-local address, given rather than generated: see <see cref="Create"/>.</summary>
    private const string LinkLocal = "fe80::1/64";

    public static bool IsOurs(string link) => link is Bridge or Tap;

    /// <summary>Removes what of ours is there, the tap first: QEMU of a killed predecessor lets go of it.</summary>
    public static string Delete(IEnumerable<string> links) =>
        string.Concat(links.OrderByDescending(link => link, StringComparer.Ordinal).Select(link => $"link delete dev {link}\n"));

    /// <summary>
    /// <para>
    /// forward_delay 0: the port of a bridge passes nothing for 15 s otherwise. mcast_snooping 0: without a querier on the link it
    /// would lose neighbour discovery. The bridge has an address of its own, or it would take the tap's, which is random.
    /// </para>
    /// <para>
    /// hairpin: where br_netfilter hands bridged frames to the IP hooks (as in every pod of a node that has it, and /proc/sys is
    /// read-only there), a guest's packet to its own pod's address is mapped while still on the bridge and must leave by the port
    /// that it came from. With *_flood off the guest's own broadcasts do not come back to it, which would be a duplicate address
    /// to IPv6 and to Windows; what the bridge itself sends is not affected by these flags (br_flood in net/bridge/br_forward.c).
    /// </para>
    /// <para>
    /// addrgenmode none: IPv6 on the bridge is what we put there, or nothing. An address that the kernel generates is tentative until
    /// QEMU opens the tap and a second longer, and dnsmasq cannot answer a router solicitation from it.
    /// </para>
    /// </summary>
    /// <param name="request">What the settings ask.</param>
    /// <param name="mtu">That of both links.</param>
    /// <param name="gateway6">The gateway's IPv6 address, where the guest has IPv6.</param>
    /// <param name="kernelHasIpv6">Where it has not, it refuses addrgenmode.</param>
    public static string Create(NetworkRequest request, int mtu, IPAddress? gateway6, bool kernelHasIpv6)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        Line($"link add {Bridge} address {request.Mac.ForBridge()} mtu {mtu} type bridge forward_delay 0 stp_state 0 mcast_snooping 0");
        Line($"tuntap add dev {Tap} mode tap user {request.TapOwner}{(request.Queues > 1 ? " multi_queue" : "")}");
        if (kernelHasIpv6)
        {
            Line($"link set dev {Bridge} addrgenmode none");
            Line($"link set dev {Tap} addrgenmode none");
        }

        Line($"link set dev {Tap} mtu {mtu} master {Bridge} up");
        Line($"link set dev {Tap} type bridge_slave hairpin on mcast_flood off bcast_flood off");
        Line($"address add {request.VmGateway}/{VmSubnet.PrefixLength} dev {Bridge}");
        Line($"link set dev {Bridge} up");
        if (gateway6 is not null)
        {
            Line($"address add {LinkLocal} dev {Bridge} nodad");
            Line($"address add {gateway6}/{VmSubnet.PrefixLength6} dev {Bridge} nodad");
        }

        return text.ToString();
    }
}
