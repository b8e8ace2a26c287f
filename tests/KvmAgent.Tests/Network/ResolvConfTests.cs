using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class ResolvConfTests
{
    [Fact]
    public void All_name_servers_are_taken_in_order_and_once()
    {
        var parsed = ResolvConf.Parse("nameserver 10.0.0.1\nnameserver\t10.0.0.2 \nnameserver fd00::53\nnameserver 10.0.0.3\nnameserver 10.0.0.1\n"
            + "nameserver ::ffff:10.0.0.4\r\nnameserver 10.0.0.5");

        parsed.Nameservers.Select(server => $"{server}").ShouldBe(["10.0.0.1", "10.0.0.2", "fd00::53", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
        parsed.Warnings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("127.0.0.53")]
    [InlineData("::1")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("fe80::1%eth0")]
    [InlineData("fe80::1")]
    [InlineData("dns.example")]
    [InlineData("10.1")]
    [InlineData("0x0a.0.0.1")]
    [InlineData("10.0.0.256")]
    public void A_name_server_out_of_reach_is_left_out_with_a_warning(string server)
    {
        var parsed = ResolvConf.Parse($"nameserver {server}\nnameserver 10.0.0.1\n");

        parsed.Nameservers.ShouldHaveSingleItem().ToString().ShouldBe("10.0.0.1");
        parsed.Warnings.ShouldHaveSingleItem().ShouldContain(server);
    }

    [Theory]
    [InlineData("search a.example b.example", "a.example b.example")]
    [InlineData("search a.example\nsearch b.example", "b.example")]
    [InlineData("search a.example\ndomain b.example", "b.example")]
    [InlineData("domain b.example c.example\n", "b.example")]
    [InlineData("domain b.example\nsearch a.example", "a.example")]
    [InlineData("search A.Example. a.example .", "a.example")]
    [InlineData(" search a.example", "")]
    [InlineData("# search a.example\n; search b.example\noptions ndots:5\nsearch", "")]
    [InlineData("search _tcp.example x--1.example", "_tcp.example x--1.example")]
    public void The_last_search_list_wins(string text, string search)
    {
        var parsed = ResolvConf.Parse(text);

        string.Join(' ', parsed.Search).ShouldBe(search);
        parsed.Warnings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("a..example")]
    [InlineData("-a.example")]
    [InlineData("a-.example")]
    [InlineData("a,b.example")]
    [InlineData("bücher.example")]
    [InlineData("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.example")]
    public void What_is_no_domain_is_left_out_with_a_warning(string domain)
    {
        var parsed = ResolvConf.Parse($"search {domain} good.example\n");

        parsed.Search.ShouldBe(["good.example"]);
        parsed.Warnings.ShouldHaveSingleItem().ShouldContain(domain);
    }

    [Fact]
    public void A_missing_file_is_a_warning()
    {
        ResolvConf.Read("/nonexistent/resolv.conf").Warnings.ShouldHaveSingleItem().ShouldContain("/nonexistent/resolv.conf");
    }
}
