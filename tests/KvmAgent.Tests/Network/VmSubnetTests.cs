using System.Net;
using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class VmSubnetTests
{
    [Theory]
    [InlineData("192.168.254.2", "192.168.254.1")]
    [InlineData("192.168.254.1", "192.168.254.2")]
    [InlineData("10.0.0.6", "10.0.0.5")]
    public void The_two_hosts_of_one_30_are_right(string vmIp, string gateway) =>
        VmSubnet.Fault(IPAddress.Parse(vmIp), IPAddress.Parse(gateway)).ShouldBeNull();

    [Theory]
    [InlineData("192.168.254.2", "192.168.254.2")]
    [InlineData("192.168.254.3", "192.168.254.1")]
    [InlineData("192.168.254.2", "192.168.254.0")]
    [InlineData("192.168.254.5", "192.168.254.2")]
    [InlineData("127.0.0.2", "127.0.0.1")]
    [InlineData("224.0.0.2", "224.0.0.1")]
    [InlineData("0.0.0.2", "0.0.0.1")]
    [InlineData("fd00::2", "fd00::1")]
    public void Anything_else_is_named_with_a_remedy(string vmIp, string gateway) =>
        VmSubnet.Fault(IPAddress.Parse(vmIp), IPAddress.Parse(gateway))!.ShouldSatisfyAllConditions(
            fault => fault.ShouldContain($"VM_IP={vmIp}"),
            fault => fault.ShouldContain("192.168.254.2"));

    [Theory]
    [InlineData("fd12:3456:789a::2", null)]
    [InlineData("fd12:3456:789a::", "is taken")]
    [InlineData("fd12:3456:789a::1", "is taken")]
    [InlineData("2001:db8::2", "not a unique local")]
    [InlineData("fe80::2", "not a unique local")]
    [InlineData("10.0.0.1", "not a unique local")]
    public void A_fixed_ipv6_address_is_unique_local_and_not_the_gateways(string address, string? fault)
    {
        var found = VmSubnet.Fault6(IPAddress.Parse(address));
        (found is null).ShouldBe(fault is null);
        found.ShouldSatisfyAllConditions(text => (text ?? "").ShouldContain(fault ?? ""));
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.1.2.0/30", true)]
    [InlineData("10.1.2.0/30", "10.0.0.0/8", true)]
    [InlineData("10.1.2.0/30", "10.1.2.4/30", false)]
    [InlineData("10.1.2.0/30", "fd00::/64", false)]
    public void Networks_overlap_where_one_holds_the_other(string a, string b, bool overlap) =>
        VmSubnet.Overlap(IPNetwork.Parse(a), IPNetwork.Parse(b)).ShouldBe(overlap);
}
