using System.Net;
using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class PodNetworkTests
{
    [Fact]
    public void The_device_is_that_of_the_default_route_whatever_its_name()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1500, ("10.9.0.2", 16));
        pod.Link("ens7", 1400, ("10.77.1.2", 32));
        pod.Route("169.254.1.1", "ens7");
        pod.Route("default", "ens7", """ "gateway":"169.254.1.1","flags":["onlink"], """);

        var found = pod.Discover();

        found.Device.ShouldBe("ens7");
        found.Address.ShouldBe(IPAddress.Parse("10.77.1.2"));
        found.Address6.ShouldBeNull();
        found.Mtu.ShouldBe(1400);
        found.Leftovers.ShouldBeEmpty();
    }

    [Fact]
    public void The_routes_own_source_and_mtu_count()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1450, ("10.244.1.2", 24), ("10.244.1.7", 24));
        pod.Route("default", "eth0", """ "gateway":"10.244.1.1","prefsrc":"10.244.1.7","metrics":[{"mtu":1380}], """);

        var found = pod.Discover();

        found.Address.ShouldBe(IPAddress.Parse("10.244.1.7"));
        found.Mtu.ShouldBe(1380);
    }

    [Fact]
    public void Of_several_default_routes_the_preferred_one_of_the_main_table_counts()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1450, ("10.244.1.2", 24));
        pod.Link("net1", 9000, ("10.10.0.2", 24));
        pod.Route("default", "net1", """ "gateway":"10.10.0.1","metric":100, """);
        pod.Route("default", "net1", """ "gateway":"10.10.0.1","table":"100", """);
        pod.Route("default", "lo", """ "type":"unreachable", """);
        pod.Route("default", "eth0", """ "gateway":"10.244.1.1","metric":50, """);

        pod.Discover().Device.ShouldBe("eth0");
    }

    [Fact]
    public void A_default_route_of_several_paths_is_one_too()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1450, ("10.244.1.2", 24));
        pod.Routes.Add("""{"dst":"default","flags":[],"nexthops":[{"gateway":"10.244.1.1","dev":"eth0","weight":1},{"gateway":"10.244.1.3","dev":"eth0","weight":1}]}""");

        pod.Discover().Address.ShouldBe(IPAddress.Parse("10.244.1.2"));
    }

    [Fact]
    public void Temporary_and_deprecated_addresses_are_not_the_pods()
    {
        using var pod = new FakePod();
        pod.Links.Add("""
            {"ifname":"eth0","mtu":1500,"addr_info":[
              {"local":"fd00::dead","prefixlen":64,"scope":"global","deprecated":true},
              {"local":"fd00::7777","prefixlen":64,"scope":"global","temporary":true},
              {"local":"fe80::2","prefixlen":64,"scope":"link"},
              {"local":"fd00::2","prefixlen":64,"scope":"global"}]}
            """);
        pod.Route("default", "eth0", """ "gateway":"fe80::1","pref":"medium", """);

        var found = pod.Discover();

        found.Address.ShouldBeNull();
        found.Address6.ShouldBe(IPAddress.Parse("fd00::2"));
    }

    [Fact]
    public void An_ipv6_address_counts_without_a_default_route_of_its_own()
    {
        using var pod = FakePod.DualStack();
        pod.Routes.RemoveAll(route => route.Contains("fe80::1", StringComparison.Ordinal));

        pod.Discover().Address6.ShouldBe(IPAddress.Parse("fd00:10:244:1::2"));
    }

    [Fact]
    public void What_a_predecessor_left_is_known_as_ours_and_hides_nothing()
    {
        using var pod = FakePod.Ordinary();
        pod.Link("vmbr0", 1450, ("192.168.254.1", 30));
        pod.Link("vmtap0", 1450);
        pod.Route("192.168.254.0/30", "vmbr0");

        var found = pod.Discover();

        found.Leftovers.ShouldBe(["vmbr0", "vmtap0"], ignoreOrder: true);
        Should.NotThrow(() => NetworkPlan.Create(FakePod.Request(), found)).Links.ShouldStartWith("link delete dev vmtap0\nlink delete dev vmbr0\n");
    }

    [Fact]
    public void Without_a_default_route_there_is_a_clear_error()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1500, ("10.244.1.2", 24));

        Should.Throw<AgentException>(pod.Discover).Message.ShouldContain("no default route");
    }

    [Fact]
    public void A_default_route_without_an_address_names_the_device()
    {
        using var pod = new FakePod();
        pod.Link("eth0", 1500);
        pod.Route("default", "eth0", """ "gateway":"10.244.1.1", """);

        Should.Throw<AgentException>(pod.Discover).Message.ShouldContain("eth0");
    }
}
