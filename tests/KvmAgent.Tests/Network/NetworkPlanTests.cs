using System.Net;
using System.Runtime.CompilerServices;
using KvmAgent.Network;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Network;

/// <summary>
/// The whole plan of several pods, held against the files in Plans/: what they say is what happens. After a wanted change,
/// <c>UPDATE_SNAPSHOTS=1 dotnet test</c> writes them anew, for the diff to be read.
/// </summary>
public sealed class NetworkPlanTests
{
    [Theory]
    [InlineData("ordinary")]
    [InlineData("dual-stack")]
    [InlineData("ipv6-only")]
    [InlineData("no-vnc-no-dns")]
    public void The_plan_is(string scenario)
    {
        using var pod = Pod(scenario);
        var request = scenario switch
        {
            "dual-stack" => FakePod.Request() with
            {
                PodPorts = [.. FakePod.Request().PodPorts, new PodPort(TransportProtocol.Udp, 514), new PodPort(TransportProtocol.Sctp, 3868)],
                Queues = 4,
            },
            "no-vnc-no-dns" => FakePod.Request() with { PodPorts = [], HostName = null },
            _ => FakePod.Request(),
        };
        var plan = NetworkPlan.Create(request, pod.Discover());

        var text = $"# ip -batch\n{plan.Links}\n# nft -f\n{plan.Ruleset}\n# dnsmasq.conf\n{plan.Dnsmasq}\n"
            + $"# /proc/sys\n{string.Concat(plan.Sysctls.Select(sysctl => $"{sysctl.Path}={sysctl.Value}\n"))}\n"
            + $"# warnings\n{string.Concat(plan.Warnings.Select(warning => $"{warning}\n"))}";
        var file = Path.Combine(Path.GetDirectoryName(Here())!, "Plans", $"{scenario}.txt");
        Golden.ShouldBe(text, file);
    }

    [Theory]
    [InlineData("10.244.1.50", "10.244.1.49", "the pod's address 10.244.1.2/24 on eth0")]
    [InlineData("10.8.7.2", "10.8.7.1", "the pod's route to 10.8.0.0/16 on eth0")]
    [InlineData("10.96.0.9", "10.96.0.10", "the name server 10.96.0.10")]
    public void A_private_network_that_the_pod_uses_is_refused(string vmIp, string gateway, string what)
    {
        using var pod = FakePod.Ordinary();
        pod.Route("10.8.0.0/16", "eth0");
        var request = FakePod.Request() with { VmIp = IPAddress.Parse(vmIp), VmGateway = IPAddress.Parse(gateway) };

        var error = Should.Throw<AgentException>(() => NetworkPlan.Create(request, pod.Discover()));

        error.Reason.ShouldBe(FailureReason.Settings);
        error.Message.ShouldBe($"VM_IP={vmIp} and VM_GW={gateway}: their network {VmSubnet.Of(request.VmIp)} overlaps {what}; "
            + "set VM_IP=192.168.254.2 and VM_GW=192.168.254.1");
    }

    [Fact]
    public void The_remedy_is_a_network_that_is_free()
    {
        using var pod = FakePod.Ordinary();
        pod.Route("192.168.0.0/16", "eth0");
        pod.Route("172.16.0.0/12", "eth0");

        Should.Throw<AgentException>(() => NetworkPlan.Create(FakePod.Request(), pod.Discover())).Message
            .ShouldEndWith("set VM_IP=10.255.255.254 and VM_GW=10.255.255.253");
    }

    [Fact]
    public void A_default_route_in_two_halves_overlaps_nothing()
    {
        using var pod = FakePod.Ordinary();
        pod.Route("0.0.0.0/1", "eth0");
        pod.Route("128.0.0.0/1", "eth0");

        Should.NotThrow(() => NetworkPlan.Create(FakePod.Request(), pod.Discover()));
    }

    [Fact]
    public void Within_a_guest_of_another_agent_the_next_ipv6_network_is_taken()
    {
        using var pod = FakePod.DualStack();
        pod.Route("fd6b:766d:6167::/64", "eth0", """ "pref":"medium", """);

        NetworkPlan.Create(FakePod.Request(), pod.Discover()).V6!.Guest.ShouldBe(IPAddress.Parse("fd6b:766d:6167:1:5054:ff:fe12:3456"));
    }

    [Fact]
    public void A_route_to_all_unique_local_addresses_is_no_obstacle()
    {
        using var pod = FakePod.DualStack();
        pod.Route("fc00::/7", "eth0", """ "gateway":"fe80::1","pref":"medium", """);

        NetworkPlan.Create(FakePod.Request(), pod.Discover()).V6!.Subnet.ShouldBe(IPNetwork.Parse("fd6b:766d:6167::/64"));
    }

    [Fact]
    public void A_fixed_ipv6_address_brings_its_network()
    {
        using var pod = FakePod.DualStack();
        var request = FakePod.Request() with { VmIp6 = GuestIpv6.At(IPAddress.Parse("fd12:3456:789a::9")) };

        var v6 = NetworkPlan.Create(request, pod.Discover()).V6!;

        v6.Guest.ShouldBe(IPAddress.Parse("fd12:3456:789a::9"));
        v6.Gateway.ShouldBe(IPAddress.Parse("fd12:3456:789a::1"));
        v6.Subnet.ShouldBe(IPNetwork.Parse("fd12:3456:789a::/64"));
    }

    [Fact]
    public void A_fixed_ipv6_address_in_the_pods_network_is_refused()
    {
        using var pod = FakePod.DualStack();
        var request = FakePod.Request() with { VmIp6 = GuestIpv6.At(IPAddress.Parse("fd00:10:244:1::9")) };

        Should.Throw<AgentException>(() => NetworkPlan.Create(request, pod.Discover())).Message
            .ShouldStartWith("VM_IP6=fd00:10:244:1::9: its network fd00:10:244:1::/64 overlaps the pod's address");
    }

    [Fact]
    public void Ipv6_that_is_switched_off_is_not_missed()
    {
        using var pod = FakePod.DualStack();
        var plan = NetworkPlan.Create(FakePod.Request() with { VmIp6 = GuestIpv6.Off }, pod.Discover());

        plan.V6.ShouldBeNull();
        plan.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void A_mtu_too_small_for_ipv6_costs_ipv6_only()
    {
        using var pod = FakePod.DualStack();
        pod.Link("tun0", 1200, ("10.1.0.2", 24));
        pod.Route("default", "tun0", """ "gateway":"10.1.0.1","metric":-1, """);

        var plan = NetworkPlan.Create(FakePod.Request(), pod.Discover());

        plan.V6.ShouldBeNull();
        plan.Warnings.ShouldHaveSingleItem().ShouldContain("1280");
    }

    [Fact]
    public void Name_servers_and_domains_beyond_what_dhcp_can_say_are_cut_with_a_warning()
    {
        var servers = Enumerable.Range(1, 100).Select(number => $"nameserver 10.96.100.{number}\n");
        var domains = Enumerable.Range(1, 40).Select(number => $"department-{number}.example");
        using var pod = FakePod.Ordinary($"{string.Concat(servers)}search {string.Join(' ', domains)}\n");

        var plan = NetworkPlan.Create(FakePod.Request(), pod.Discover());

        plan.Dnsmasq.Split('\n').ShouldAllBe(line => line.Length < 1025);
        plan.Dnsmasq.ShouldContain("10.96.100.1,10.96.100.2,");
        plan.Warnings.ShouldContain(warning => warning.Contains("10.96.100.100", StringComparison.Ordinal));
        plan.Warnings.ShouldContain(warning => warning.Contains("department-40.example", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("web\ndhcp-script=/bin/sh")]
    [InlineData("web,10.0.0.1")]
    [InlineData("")]
    public void A_host_name_that_is_none_stays_out_of_the_configuration(string name)
    {
        using var pod = FakePod.Ordinary();
        var plan = NetworkPlan.Create(FakePod.Request() with { HostName = name }, pod.Discover());

        plan.Dnsmasq.ShouldContain("dhcp-host=52:54:00:12:34:56,id:*,192.168.254.2,infinite\n");
        plan.Warnings.Count.ShouldBe(1);
    }

    [Fact]
    public void A_pod_that_cannot_forward_is_told_how_to()
    {
        using var pod = FakePod.Ordinary();
        pod.Write("proc/sys/net/ipv4/ip_forward", "0\n");
        NetworkPlan.Create(FakePod.Request(), pod.Discover()).Sysctls.ShouldBe([new Sysctl("net/ipv4/ip_forward", "1")]);

        var readOnly = pod.Discover() with { Forwarding = pod.Discover().Forwarding with { Ipv4 = Forwarding.Switch.ReadOnly } };
        var error = Should.Throw<AgentException>(() => NetworkPlan.Create(FakePod.Request(), readOnly));

        error.Reason.ShouldBe(FailureReason.Missing);
        error.Message.ShouldContain("securityContext.sysctls");
    }

    [Fact]
    public void A_kernel_without_ipv6_is_not_asked_about_it()
    {
        using var pod = FakePod.Ordinary();
        pod.Delete("proc/sys/net/ipv6");

        NetworkPlan.Create(FakePod.Request(), pod.Discover()).Links.ShouldNotContain("addrgenmode");
    }

    private static FakePod Pod(string scenario)
    {
        switch (scenario)
        {
            case "ordinary":
                return FakePod.Ordinary("search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n");
            case "dual-stack":
                var dual = FakePod.DualStack("search cluster.local\nnameserver 10.96.0.10\nnameserver fd00:10:96::a\nnameserver 127.0.0.53\n");
                dual.Write("proc/sys/net/ipv4/ip_forward", "0\n");
                dual.Write("proc/sys/net/ipv6/conf/all/forwarding", "0\n");
                dual.Write("proc/sys/net/ipv6/conf/eth0/accept_ra", "1\n");
                return dual;
            case "ipv6-only":
                var v6 = new FakePod("search cluster.local\nnameserver fd00:10:96::a\nnameserver 10.96.0.10\n");
                v6.Link("eth0", 1500, ("fd00:10:244:1::2", 64));
                v6.Route("default", "eth0", """ "gateway":"fe80::1","pref":"medium", """);
                return v6;
            default:
                return FakePod.Ordinary("nameserver 10.244.1.2\n");
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
