using System.Globalization;
using System.Net;

namespace KvmAgent.Network;

/// <summary>
/// The nftables ruleset: one table of our own, replaced in one transaction. No other table is touched, since service meshes and
/// iptables-nft keep theirs in the same namespace. Written for nft 1.0.6, which knows no names for priorities in an output hook.
/// </summary>
internal static class NftRuleset
{
    private const string Table = "table inet kvm_agent";
    private const string Bridge = $"\"{BridgeLinks.Bridge}\"";

    /// <summary>Removes the table whether it is there or not.</summary>
    public const string Delete = $"{Table}\ndelete {Table}\n";

    /// <param name="vmIp">The guest's private address; it has one for DHCP's sake even where the pod has IPv6 alone.</param>
    /// <param name="mappings">The families that the pod and its guest share.</param>
    /// <param name="podPorts">The ports that stay with the pod.</param>
    public static string Create(IPAddress vmIp, IReadOnlyList<AddressMapping> mappings, IReadOnlyList<PodPort> podPorts)
    {
        var v6 = mappings.FirstOrDefault(map => map.IsV6);
        var kept = podPorts.Select(port => string.Create(CultureInfo.InvariantCulture, $"{port.ProtocolName} . {port.Port}")).Distinct();
        var keptPorts = string.Join(", ", kept);
        string[] chains =
        [
            Chain("spoofed", "type filter hook prerouting priority -300;", [
                "# Before anything else looks: the guest sends from its own addresses, and the private ones are not reached from elsewhere.",
                .. mappings.Select(map => $"iifname != {{ {Bridge}, \"lo\" }} {map.Family} daddr {map.Subnet} counter drop"),
                $"iifname != {Bridge} accept",
                $"ip saddr {vmIp} accept",
                "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept",
                v6 is null ? null : $"ip6 saddr {{ fe80::/10, {v6.Subnet} }} accept",
                v6 is null ? null : "ip6 saddr :: meta l4proto ipv6-icmp accept",
                "counter drop",
            ]),
            Chain("pod_to_guest", null, [
                "# The 1:1 mapping: all protocols, but for the ports that stay with the pod.",
                keptPorts.Length == 0 ? null : $"meta l4proto . th dport {{ {keptPorts} }} return",
                .. mappings.Select(map => $"{map.Family} daddr {map.Pod} dnat {map.Family} to {map.Guest}"),
            ]),
            Chain("inbound", "type nat hook prerouting priority -100;", [
                "# From other pods and, for a guest that calls its own pod, from the bridge.",
                "jump pod_to_guest",
            ]),
            Chain("from_pod", "type nat hook output priority -100;", [
                "# From other containers of this pod.",
                "jump pod_to_guest",
            ]),
            Chain("outbound", "type nat hook postrouting priority 100;", [
                "# A guest that called its own pod's address must see the answer come back the same way: from the gateway.",
                .. mappings.SelectMany(map => new[]
                {
                    $"oifname {Bridge} {map.Family} saddr {Guest(map)} {map.Family} daddr {map.Guest} snat {map.Family} to {map.Gateway}",
                    $"oifname != {Bridge} {map.Family} saddr {Guest(map)} snat {map.Family} to {map.Pod}",
                }),
            ]),
            Chain("leaks", "type filter hook postrouting priority 101;", [
                "# What NAT did not take (invalid, untracked) never shows a private address.",
                .. mappings.Select(map => $"oifname != {{ {Bridge}, \"lo\" }} {map.Family} saddr {map.Subnet} counter drop"),
            ]),
            Chain("forwarded", "type filter hook forward priority 0;", [
                $"iifname != {Bridge} oifname != {Bridge} accept",
                "# Both ways, since either side may have the smaller MTU; the least of both routes counts.",
                "tcp flags syn tcp option maxseg size set rt mtu",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                $"iifname {Bridge} oifname != {Bridge} accept",
                "ct status dnat accept",
                "counter drop",
            ]),
            Chain("to_pod", "type filter hook input priority 0;", [
                "# The guest reaches neither VNC nor sidecars by its gateway's address.",
                $"iifname != {Bridge} accept",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                "meta nfproto ipv4 udp dport 67 accept",
                "icmp type echo-request accept",
                v6 is null ? null : "meta nfproto ipv6 udp dport 547 accept",
                v6 is null ? null : "icmpv6 type { echo-request, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
                    + "mld-listener-report, mld-listener-done, mld2-listener-report } accept",
                "counter drop",
            ]),
            .. v6 is null ? Array.Empty<string>() : [Chain("to_guest", "type filter hook output priority 0;", [
                "# A guest that calls its own pod would be told that it is its own neighbour (in IPv4, NAT drops what says so).",
                $"oifname {Bridge} icmpv6 type nd-redirect drop",
            ])],
        ];
        return $"{Delete}{Table} {{\n{string.Join('\n', chains)}}}\n";
    }

    /// <summary>Whom the guest may be: under IPv6 it also has the addresses that it gave itself.</summary>
    private static string Guest(AddressMapping map) => map.IsV6 ? map.Subnet.ToString() : map.Guest.ToString();

    private static string Chain(string name, string? hook, IEnumerable<string?> rules) =>
        $"    chain {name} {{\n"
        + string.Concat(rules.Prepend(hook).OfType<string>().Select(line => $"        {line}\n"))
        + "    }\n";
}
