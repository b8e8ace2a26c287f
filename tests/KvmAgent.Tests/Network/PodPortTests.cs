using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class PodPortTests
{
    [Theory]
    [InlineData("8080", "8080/tcp")]
    [InlineData(" 53/udp ", "53/udp")]
    [InlineData("443/TCP", "443/tcp")]
    [InlineData("3868/sctp", "3868/sctp")]
    [InlineData("65535", "65535/tcp")]
    public void A_port_is_read_with_its_protocol(string text, string port)
    {
        PodPort.TryParse(text, out var parsed).ShouldBeTrue();
        parsed.ToString().ShouldBe(port);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("+80")]
    [InlineData("80/")]
    [InlineData("80/icmp")]
    [InlineData("80/tcp/udp")]
    [InlineData("80 81")]
    [InlineData("http")]
    public void What_is_no_port_is_refused(string? text) => PodPort.TryParse(text, out _).ShouldBeFalse();
}
