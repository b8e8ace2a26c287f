using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Network;

/// <summary>What must not pass between the guest, the pod and the world.</summary>
public sealed class BarrierTests(MappedPod mapped) : IClassFixture<MappedPod>
{
    private const string Gateway = "192.168.254.1", Gateway6 = "[fd6b:766d:6167::1]";

    private NetworkNamespace Client => mapped.Pod.Node;

    private NetworkNamespace Pod => mapped.Pod.Pod;

    private NetworkNamespace Guest => mapped.Guest.Namespace;

    [Fact]
    public async Task The_guest_reaches_no_port_of_the_pod()
    {
        await using var sidecar = await Socat.ServeAsync(Pod, "TCP4-LISTEN:8443", Socat.Say("pod"));
        await using var sidecar6 = await Socat.ServeAsync(Pod, "TCP6-LISTEN:8443,ipv6only", Socat.Say("pod"));
        await using var dns = await Socat.ServeAsync(Pod, "UDP4-LISTEN:53", Socat.Say("pod"));

        (await Socat.AskInVainAsync(Guest, $"TCP4:{Gateway}:8443")).ShouldBe("");
        (await Socat.AskInVainAsync(Guest, $"TCP4:{PodNamespace.Address}:8443")).ShouldBe("");
        (await Socat.AskInVainAsync(Guest, $"TCP6:{Gateway6}:8443")).ShouldBe("");
        (await Socat.AskInVainAsync(Guest, $"TCP6:[fe80::1%{GuestStandIn.Device}]:8443")).ShouldBe("");
        (await Socat.AskInVainAsync(Guest, $"UDP4:{Gateway}:53")).ShouldBe("");

        (await Socat.AskAsync(Client, $"TCP4:{PodNamespace.Address}:8443")).ShouldBe("pod");
        (await Socat.AskAsync(Client, $"TCP6:[{PodNamespace.Address6}]:8443")).ShouldBe("pod");
    }

    [Fact]
    public async Task The_guest_pings_its_gateway_and_answers_the_pod()
    {
        await using var server = await Socat.ServeAsync(Guest, "TCP4-LISTEN:8002", Socat.WhoCalls);

        await Guest.RunAsync("ping", "-c", "1", "-W", "5", Gateway);
        await Guest.RunAsync("ping", "-c", "1", "-W", "5", Gateway6.Trim('[', ']'));
        (await Socat.AskAsync(Pod, "TCP4:192.168.254.2:8002")).ShouldBe(Gateway);
    }

    [Theory]
    [InlineData("UDP4", PodNamespace.Client, "10.99.9.9")]
    [InlineData("UDP6", $"[{PodNamespace.Client6}]", "fd00:99::9")]
    public async Task A_guest_that_lies_about_its_source_is_not_heard(string protocol, string client, string lie)
    {
        await Pod.SysctlAsync("net.ipv4.conf.all.rp_filter", "0"); // it would hide the lie of IPv4
        await Pod.SysctlAsync("net.ipv4.conf.vmbr0.rp_filter", "0");
        await Guest.IpAsync($"address add {lie} dev lo");
        await using var server = await Socat.ServeAsync(Client, $"{protocol}-RECVFROM:90,bind={client}", Socat.WhoCalls);
        var source = protocol == "UDP6" ? $"[{lie}]" : lie;

        (await Socat.AskInVainAsync(Guest, $"{protocol}:{client}:90,bind={source}")).ShouldBe("");
        (await Socat.AskAsync(Guest, $"{protocol}:{client}:90")).ShouldNotBe("");
        server.Lines.Count(line => line.Contains("receiving packet from", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task The_private_networks_are_not_reached_from_outside()
    {
        await using var guests = await Socat.ServeAsync(Guest, "TCP4-LISTEN:8003", Socat.Say("guest"));
        await using var guests6 = await Socat.ServeAsync(Guest, "TCP6-LISTEN:8003,ipv6only", Socat.Say("guest"));
        await using var pods = await Socat.ServeAsync(Pod, "UDP4-RECVFROM:8004", Socat.Say("pod"));
        await Client.IpAsync($"route add 192.168.254.0/30 via {PodNamespace.Address} dev to-pod onlink");
        await Client.IpAsync($"route add fd6b:766d:6167::/64 via {PodNamespace.Address6} dev to-pod");

        (await Socat.AskInVainAsync(Client, "TCP4:192.168.254.2:8003")).ShouldBe("");
        (await Socat.AskInVainAsync(Client, $"TCP6:[{mapped.Guest6}]:8003")).ShouldBe("");
        (await Socat.AskInVainAsync(Client, $"UDP4:{Gateway}:8004")).ShouldBe("");
        pods.Lines.ShouldNotContain(line => line.Contains("receiving packet from", StringComparison.Ordinal));

        (await Socat.AskAsync(Client, $"TCP4:{PodNamespace.Address}:8003")).ShouldBe("guest");
        (await Socat.AskAsync(Client, $"TCP6:[{PodNamespace.Address6}]:8003")).ShouldBe("guest");
        (await Socat.AskAsync(Pod, $"UDP4:{Gateway}:8004")).ShouldBe("pod");
    }

    [Theory]
    [InlineData("ip", "UDP4", PodNamespace.Client)]
    [InlineData("ip6", "UDP6", $"[{PodNamespace.Client6}]")]
    public async Task Nothing_leaves_with_a_private_source_even_past_connection_tracking(string family, string protocol, string client)
    {
        await Pod.TryRunAsync(["nft", "add", "table", family, "untracked"]);
        await Pod.RunAsync("nft", "add", "chain", family, "untracked", "raw", "{ type filter hook prerouting priority -300; }");
        await Pod.RunAsync("nft", "add", "rule", family, "untracked", "raw", "udp", "dport", "9999", "notrack");
        await using var leaked = await Socat.ServeAsync(Client, $"{protocol}-RECVFROM:9999,bind={client}", Socat.WhoCalls);
        await using var mapped = await Socat.ServeAsync(Client, $"{protocol}-RECVFROM:9998,bind={client}", Socat.WhoCalls);

        (await Socat.AskInVainAsync(Guest, $"{protocol}:{client}:9999")).ShouldBe("");
        (await Socat.AskAsync(Guest, $"{protocol}:{client}:9998")).ShouldNotBe("");
        leaked.Lines.ShouldNotContain(line => line.Contains("receiving packet from", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_gateway_does_not_tell_the_guest_to_talk_to_itself_directly()
    {
        // Routed rather than bridged: the kernel sees the packet leave by the device that it came from.
        await Pod.SysctlAsync("net.bridge.bridge-nf-call-iptables", "0");
        await Pod.SysctlAsync("net.bridge.bridge-nf-call-ip6tables", "0");
        await using var server = await Socat.ServeAsync(Guest, "TCP4-LISTEN:8005", Socat.Say("guest"));
        await using var server6 = await Socat.ServeAsync(Guest, "TCP6-LISTEN:8005,ipv6only", Socat.Say("guest"));

        (await Socat.AskAsync(Guest, $"TCP4:{PodNamespace.Address}:8005")).ShouldBe("guest");
        (await Socat.AskAsync(Guest, $"TCP6:[{PodNamespace.Address6}]:8005")).ShouldBe("guest");

        var counters = await Guest.RunAsync("nstat", "-az", "IcmpInRedirects", "Icmp6InRedirects");
        counters.ShouldMatch(@"IcmpInRedirects\s+0\s");
        counters.ShouldMatch(@"Icmp6InRedirects\s+0\s");
    }
}
