using System.Net;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>
/// Servers of the tests listen on 127.0.0.1, which is allowed; 127.0.0.2 stands for what is not. Were the guard broken,
/// nothing would leave this machine.
/// </summary>
public sealed class AddressGuardTests : HttpScenario
{
    [Theory]
    [InlineData("127.0.0.1", "loopback", "127.0.0.1")]
    [InlineData("127.255.255.254", "loopback", "127.255.255.254")]
    [InlineData("::1", "loopback", "::1")]
    [InlineData("::ffff:127.0.0.1", "loopback", "127.0.0.1")]
    [InlineData("::127.0.0.1", "loopback", "127.0.0.1")]
    [InlineData("::ffff:0:127.0.0.1", "loopback", "127.0.0.1")]
    [InlineData("64:ff9b::127.0.0.1", "loopback", "127.0.0.1")]
    [InlineData("2002:7f00:1::1", "loopback", "127.0.0.1")]
    [InlineData("169.254.169.254", "metadata", "169.254.169.254")]
    [InlineData("::ffff:169.254.169.254", "metadata", "169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe", "metadata", "169.254.169.254")]
    [InlineData("64:ff9b:1::a9fe:a9fe", "metadata", "169.254.169.254")]
    [InlineData("2002:a9fe:a9fe::", "metadata", "169.254.169.254")]
    [InlineData("169.254.170.2", "metadata", "169.254.170.2")]
    [InlineData("100.100.100.200", "metadata", "100.100.100.200")]
    [InlineData("168.63.129.16", "metadata", "168.63.129.16")]
    [InlineData("192.0.0.192", "metadata", "192.0.0.192")]
    [InlineData("fd00:ec2::254", "metadata", "fd00:ec2::254")]
    [InlineData("fd00:ec2::23", "metadata", "fd00:ec2::23")]
    [InlineData("fd20:ce::254", "metadata", "fd20:ce::254")]
    [InlineData("fd00:c1::a9fe:a9fe", "metadata", "fd00:c1::a9fe:a9fe")]
    [InlineData("fd00:42::42", "metadata", "fd00:42::42")]
    [InlineData("fe80::a9fe:a9fe%1", "metadata", "fe80::a9fe:a9fe")]
    [InlineData("169.254.0.1", "link-local", "169.254.0.1")]
    [InlineData("fe80::1%1", "link-local", "fe80::1")]
    [InlineData("febf::1", "link-local", "febf::1")]
    [InlineData("0.0.0.0", "unspecified", "0.0.0.0")]
    [InlineData("0.0.0.1", "unspecified", "0.0.0.1")]
    [InlineData("::", "unspecified", "::")]
    [InlineData("224.0.0.1", "multicast", "224.0.0.1")]
    [InlineData("239.255.255.255", "multicast", "239.255.255.255")]
    [InlineData("ff02::1", "multicast", "ff02::1")]
    [InlineData("255.255.255.255", "broadcast", "255.255.255.255")]
    public void What_no_image_server_is_is_denied_in_every_form(string address, string what, string form)
    {
        var denied = Rules().WhyNot(IPAddress.Parse(address)).ShouldNotBeNull();

        denied.What.ShouldContain(what);
        denied.Address.ShouldBe(IPAddress.Parse(form));
        Rules($"{form}/{denied.Address.GetAddressBytes().Length * 8}").WhyNot(IPAddress.Parse(address)).ShouldBeNull("the remedy must help");
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("172.16.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("100.64.0.1")]
    [InlineData("93.184.216.34")]
    [InlineData("168.63.129.17")]
    [InlineData("169.253.255.255")]
    [InlineData("169.255.0.0")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("fd00::1")]
    [InlineData("fec0::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("64:ff9b::192.168.1.1")]
    [InlineData("::ffff:10.0.0.1")]
    public void Private_and_public_addresses_are_open(string address) => Rules().WhyNot(IPAddress.Parse(address)).ShouldBeNull();

    [Theory]
    [InlineData("127.0.0.0/8", "127.9.9.9", true)]
    [InlineData("127.0.0.1/32", "127.0.0.2", false)]
    [InlineData("127.0.0.1/32", "::1", false)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("0.0.0.0/0", "::ffff:127.0.0.1", true)]
    [InlineData("64:ff9b::/96", "64:ff9b::a9fe:a9fe", true)]
    [InlineData("64:ff9b::/96", "169.254.169.254", false)]
    public void An_allowance_opens_what_it_says_and_no_more(string allowed, string address, bool open) =>
        (Rules(allowed).WhyNot(IPAddress.Parse(address)) is null).ShouldBe(open);

    [Fact]
    public async Task A_denied_address_is_refused_before_anything_is_sent_and_with_the_remedy()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));

        await Quick.EnsureAsync(Scratch.Request(server.Url()) with { Access = new() })
            .ShouldFailAsync(ImageFailure.Refused, server.Url(), "host '127.0.0.1' is at 127.0.0.1", "loopback", "set IMG_ALLOW_ADDRESS=127.0.0.1");

        server.Heard.ShouldBeEmpty();
        Scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("[::ffff:127.0.0.2]")]
    [InlineData("[::1]")]
    [InlineData("0")]
    [InlineData("0x7f.2")]
    [InlineData("2130706434")]
    public async Task A_redirect_does_not_get_around_it(string host)
    {
        await using var server = new FaultServer(heard => heard.Target == "/disk.img"
            ? Answer.Redirect($"http://{host}:{heard.Headers["Host"].Split(':')[1]}/inside") : Answer.File(heard, Disk));

        await FailsAsync(server, ImageFailure.Refused, $"{server.Url()} redirects: ", "/inside is refused", "IMG_ALLOW_ADDRESS=");

        server.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_name_is_resolved_once_a_connection_so_that_it_cannot_change_after_the_check()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        var asked = 0;
        var guard = Guard((_, _) => Task.FromResult(new[] { IPAddress.Parse(++asked == 1 ? "127.0.0.1" : "127.0.0.2") }));
        using var client = HttpClients.Create(new SourceAccess(), new StoreTimings().Connect, guard);

        (await client.SendAsync(Rebound(server), HttpCompletionOption.ResponseHeadersRead)).EnsureSuccessStatusCode();
        asked.ShouldBe(1);
        var e = await Should.ThrowAsync<HttpRequestException>(client.SendAsync(Rebound(server)));

        e.InnerException.ShouldBeOfType<ImageException>().Message.ShouldContain("host 'rebound.example' is at 127.0.0.2");
        server.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task One_denied_address_among_allowed_ones_is_enough()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        var guard = Guard((_, _) => Task.FromResult(new[] { IPAddress.Loopback, IPAddress.Parse("127.0.0.2") }));
        using var client = HttpClients.Create(new SourceAccess(), new StoreTimings().Connect, guard);

        (await Should.ThrowAsync<HttpRequestException>(client.SendAsync(Rebound(server)))).InnerException.ShouldBeOfType<ImageException>();

        server.Heard.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_next_address_is_tried_where_one_does_not_answer()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        var guard = new AddressGuard([IPNetwork.Parse("127.0.0.0/8")], (_, _) => Task.FromResult(new[] { IPAddress.Parse("127.0.0.2"), IPAddress.Loopback }));
        using var client = HttpClients.Create(new SourceAccess(), new StoreTimings().Connect, guard);

        (await client.SendAsync(Rebound(server))).EnsureSuccessStatusCode();
    }

    private static AddressRules Rules(params string[] allowed) => new([.. allowed.Select(IPNetwork.Parse)]);

    private static AddressGuard Guard(HostAddresses.Resolver resolve) => new([IPNetwork.Parse("127.0.0.1/32")], resolve);

    private static HttpRequestMessage Rebound(FaultServer server)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"http://rebound.example:{server.Port}/disk.img");
        request.Headers.AcceptEncoding.ParseAdd("identity");
        return request;
    }
}
