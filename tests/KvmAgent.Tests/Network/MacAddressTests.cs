using System.Net;
using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class MacAddressTests
{
    [Theory]
    [InlineData("52:54:00:ab:cd:ef")]
    [InlineData("52-54-00-AB-CD-EF")]
    public void Both_ways_of_writing_are_read(string text)
    {
        MacAddress.TryParse(text, out var mac).ShouldBeTrue();
        mac.ToString().ShouldBe("52:54:00:ab:cd:ef");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("52:54:00:ab:cd")]
    [InlineData("52:54:00:ab:cd:ef:01")]
    [InlineData("52:54:0:ab:cd:ef")]
    [InlineData("52:54:00:ab:cd:eg")]
    [InlineData("52:54:00:ab:cd: f")]
    [InlineData("52:54:00-ab:cd:ef")]
    [InlineData("00:00:00:00:00:00")]
    [InlineData("01:00:5e:00:00:01")]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    public void What_is_no_address_of_one_card_is_refused(string? text) => MacAddress.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void An_identity_has_one_address_for_good()
    {
        // sha256("default/web") begins with 82b3ad
        MacAddress.FromIdentity("default", "web").ToString().ShouldBe("52:54:00:f2:5a:8e");
        MacAddress.FromIdentity("default", "web-1").ShouldNotBe(MacAddress.FromIdentity("default", "web"));
        MacAddress.FromIdentity("other", "web").ShouldNotBe(MacAddress.FromIdentity("default", "web"));
    }

    [Theory]
    [InlineData("52:54:00:12:34:56", "fd00::5054:ff:fe12:3456")]
    [InlineData("02:00:00:00:00:01", "fd00::ff:fe00:1")]
    public void The_eui64_flips_the_local_bit(string mac, string address) =>
        Parse(mac).ToEui64(IPAddress.Parse("fd00::")).ShouldBe(IPAddress.Parse(address));

    [Theory]
    [InlineData("52:54:00:12:34:56", "fe:54:00:12:34:56")]
    [InlineData("fe:54:00:12:34:56", "fa:54:00:12:34:56")]
    public void The_bridge_has_an_address_beside_the_guests(string guest, string bridge) =>
        Parse(guest).ForBridge().ToString().ShouldBe(bridge);

    private static MacAddress Parse(string text) => MacAddress.TryParse(text, out var mac) ? mac : throw new FormatException(text);
}
