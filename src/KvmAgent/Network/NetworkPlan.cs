using System.Net;

namespace KvmAgent.Network;

/// <summary>Everything that <see cref="VmNetwork"/> will do, as text: made without touching anything, and printable.</summary>
internal sealed record NetworkPlan
{
    /// <summary>IPv4 of the guest and its pod; null where the pod has IPv6 alone.</summary>
    public required AddressMapping? V4 { get; init; }

    /// <summary>IPv6 of the guest and its pod; null where the guest gets none.</summary>
    public required AddressMapping? V6 { get; init; }

    /// <summary>The guest's private IPv4 address, which DHCP gives it in any case.</summary>
    public required IPAddress VmIp { get; init; }

    public required int Mtu { get; init; }

    public required GuestDns Dns { get; init; }

    /// <summary>What must be written to /proc/sys.</summary>
    public required IReadOnlyList<Sysctl> Sysctls { get; init; }

    /// <summary>Commands for <c>ip -batch</c>.</summary>
    public required string Links { get; init; }

    /// <summary>Input of <c>nft -f</c>.</summary>
    public required string Ruleset { get; init; }

    /// <summary>The text of dnsmasq.conf.</summary>
    public required string Dnsmasq { get; init; }

    public required string RunDir { get; init; }

    /// <summary>What a person should know, though it stops nothing.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <exception cref="AgentException">The settings do not fit the pod, or the pod cannot forward.</exception>
    public static NetworkPlan Create(NetworkRequest request, PodNetwork pod)
    {
        if (VmSubnet.Fault(request.VmIp, request.VmGateway) is { } fault)
        {
            throw new AgentException(FailureReason.Settings, fault);
        }

        List<string> warnings = [.. pod.Resolv.Warnings];
        var mtu = Math.Min(pod.Mtu, LargestTapMtu);
        var subnet = VmSubnet.Of(request.VmGateway);
        CollisionCheck.Check(request, subnet, pod);
        var v4 = pod.Address is null ? null : new AddressMapping(pod.Address, request.VmIp, request.VmGateway, subnet);
        var v6 = Ipv6Plan.Create(request, pod, mtu, warnings);
        if (v4 is not null && pod.Forwarding.Ipv4 is Forwarding.Switch.ReadOnly or Forwarding.Switch.Absent)
        {
            throw new AgentException(
                FailureReason.Missing,
                "net.ipv4.ip_forward is 0 in the pod and /proc/sys is read-only: set it by securityContext.sysctls "
                + "(name: net.ipv4.ip_forward, value: \"1\"; the kubelet must allow it), on the node, or run the container privileged");
        }

        if (v4 is null && v6 is null)
        {
            throw new AgentException(FailureReason.Missing, $"the guest would have no network: {string.Join("; ", warnings)}");
        }

        var dns = ChooseDns(pod, v4, v6, warnings);
        return new NetworkPlan
        {
            V4 = v4,
            V6 = v6,
            VmIp = request.VmIp,
            Mtu = mtu,
            Dns = dns,
            Sysctls = [.. v4 is null ? [] : pod.Forwarding.Enable4(), .. v6 is null ? [] : pod.Forwarding.Enable6()],
            Links = BridgeLinks.Delete(pod.Leftovers) + BridgeLinks.Create(request, mtu, v6?.Gateway, pod.Forwarding.KernelHasIpv6),
            Ruleset = NftRuleset.Create(request.VmIp, [.. new[] { v4, v6 }.OfType<AddressMapping>()], request.PodPorts),
            Dnsmasq = DnsmasqConfig.Create(request, mtu, v4?.Gateway, v6, dns, warnings),
            RunDir = request.RunDir,
            Warnings = warnings,
        };
    }

    /// <summary>An Ethernet frame of a tap holds 65535 bytes, its header included; a pod's device may claim more.</summary>
    private const int LargestTapMtu = 65535 - 14;

    private static GuestDns ChooseDns(PodNetwork pod, AddressMapping? v4, AddressMapping? v6, List<string> warnings)
    {
        var servers = new List<IPAddress>();
        foreach (var server in pod.Resolv.Nameservers)
        {
            var mapping = server.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? v4 : v6;
            if (mapping is null)
            {
                warnings.Add($"name server {server} is left out: the guest does not have that address family");
            }
            else if (server.Equals(mapping.Pod))
            {
                warnings.Add($"name server {server} is left out: it is the pod's own address, which to the guest is itself");
            }
            else
            {
                servers.Add(server);
            }
        }

        if (servers.Count == 0)
        {
            warnings.Add("the guest gets no name server: resolv.conf of the pod has none that it could reach");
        }

        return new GuestDns(servers, pod.Resolv.Search);
    }
}
