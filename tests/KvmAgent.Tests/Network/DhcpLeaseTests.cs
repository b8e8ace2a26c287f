using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class DhcpLeaseTests
{
    [Fact]
    public void Leases_of_both_families_are_read()
    {
        const string file = """
            0 52:54:00:12:34:56 192.168.254.2 guest *
            duid 00:01:00:01:32:94:6c:13:6e:2d:79:a3:90:87
            1795280098 1193046 fd6b:766d:6167:0:5054:ff:fe12:3456 guest 00:03:00:01:52:54:00:12:34:56

            """;
        DhcpLease.ParseFile(file).Select(lease => $"{lease.Address} {lease.IsV6}")
            .ShouldBe(["192.168.254.2 False", "fd6b:766d:6167:0:5054:ff:fe12:3456 True"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n\n")]
    [InlineData("0 52:54:00:12:34:56 192.168.254.2 guest *")] // not written out yet
    [InlineData("0 52:54:00:12:34:56 192.168.254 guest *\n")]
    [InlineData("0 52:54:00:12:34:56 192.168.254.2 guest\n")]
    [InlineData("0 52:54:00:12:34:56 192.168.254.2 a b *\n")]
    [InlineData("soon 52:54:00:12:34:56 192.168.254.2 guest *\n")]
    [InlineData("\0\0\0\0\0\0\0\n")]
    public void What_is_no_whole_lease_is_passed_over(string file) => DhcpLease.ParseFile(file).ShouldBeEmpty();
}
