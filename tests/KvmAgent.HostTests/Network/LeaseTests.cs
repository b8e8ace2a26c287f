using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Network;

/// <summary>What the guest is told, and that it goes on being told.</summary>
public sealed class LeaseTests
{
    private const string Resolv = """
        search default.svc.cluster.local svc.cluster.local cluster.local Corp.Example. 10.0.0.1
        nameserver 10.96.0.10
        nameserver 10.96.0.11
        nameserver 10.96.0.12
        nameserver 10.96.0.13
        nameserver fd00:10:96::a
        nameserver 127.0.0.53
        options ndots:5
        """;

    [Fact]
    public async Task The_guest_is_told_the_pods_mtu_all_name_servers_and_the_search_list()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Mtu = 1372, ResolvConf = Resolv });
        await using var runner = await NetworkRunner.StartAsync(pod);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1372);

        var lease = await guest.AskDhcpAsync();

        lease["ip"].ShouldBe("192.168.254.2");
        lease["mask"].ShouldBe("30");
        lease["router"].ShouldBe("192.168.254.1");
        lease["mtu"].ShouldBe("1372");
        lease["dns"].ShouldBe("10.96.0.10 10.96.0.11 10.96.0.12 10.96.0.13");
        lease["search"].ShouldBe("default.svc.cluster.local svc.cluster.local cluster.local corp.example");
        lease["domain"].ShouldBe("default.svc.cluster.local");
        lease["hostname"].ShouldBe("guest");
        lease["lease"].ShouldBe("4294967295");
        await runner.Process.WaitForLineAsync("leases 192.168.254.2");
        (await pod.Pod.IpAsync("link show dev vmbr0")).ShouldContain("mtu 1372");
        (await pod.Pod.IpAsync("link show dev vmtap0")).ShouldContain("mtu 1372");
    }

    [Fact]
    public async Task Dhcpv6_and_the_guests_own_making_give_one_address_whatever_identity_asks()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true, ResolvConf = Resolv });
        await using var runner = await NetworkRunner.StartAsync(pod);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);
        var own = await guest.WaitForIpv6Async();
        own.ShouldBe("fd6b:766d:6167:0:5054:ff:fe12:3456");

        var first = await guest.AskDhcp6Async("LLT");
        first["new_ip6_address"].ShouldBe(own);
        first["new_dhcp6_name_servers"].ShouldBe("fd00:10:96::a");
        first["new_dhcp6_domain_search"].ShouldBe("default.svc.cluster.local. svc.cluster.local. cluster.local. corp.example.");
        await runner.Process.WaitForLineAsync($"leases {own}");

        (await guest.AskDhcp6Async("LL"))["new_ip6_address"].ShouldBe(own);
    }

    [Fact]
    public async Task A_fixed_ipv6_address_is_given_by_dhcpv6_and_mapped()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true });
        await using var runner = await NetworkRunner.StartAsync(pod, new NetworkOptions { RunDir = pod.Directory, VmIp6 = "fd12:3456:789a::99" });
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);
        await guest.WaitForIpv6Async();

        (await guest.AskDhcp6Async("LLT"))["new_ip6_address"].ShouldBe("fd12:3456:789a::99");

        await guest.Namespace.IpAsync($"address add fd12:3456:789a::99/64 dev {GuestStandIn.Device} nodad");
        await using var server = await Socat.ServeAsync(guest.Namespace, "TCP6-LISTEN:80,bind=[fd12:3456:789a::99]", Socat.Say("guest"));
        (await Socat.AskAsync(pod.Node, $"TCP6:[{PodNamespace.Address6}]:80")).ShouldBe("guest");
    }

    [Fact]
    public async Task A_dnsmasq_that_dies_is_started_again()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var runner = await NetworkRunner.StartAsync(pod);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);

        Children.Signal(await pod.DnsmasqPidAsync(), Native.SigKill);

        await runner.Process.WaitForLineAsync("dnsmasq ended (signal 9)");
        await runner.Process.WaitForLineAsync("dnsmasq runs again");
        (await guest.AskDhcpAsync())["ip"].ShouldBe("192.168.254.2");
    }

    [Fact]
    public async Task The_capabilities_of_the_documented_container_are_enough()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true });
        await using var runner = await NetworkRunner.StartAsync(pod, null, Capabilities.Documented);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);

        (await guest.AskDhcpAsync())["ip"].ShouldBe("192.168.254.2");
        await guest.WaitForIpv6Async();

        var dnsmasq = await pod.DnsmasqPidAsync();
        Native.Stat($"/proc/{dnsmasq}")!.Value.Owner.ShouldNotBe(0u);
        (await runner.StopAsync()).ShouldBe(0);
        Directory.Exists($"/proc/{dnsmasq}").ShouldBeFalse(); // though it belongs to another user and there is no CAP_KILL
    }
}
