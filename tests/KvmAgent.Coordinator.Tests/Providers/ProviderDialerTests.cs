using System.Net;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>Names that lead elsewhere; 127.0.0.2 stands for where nothing may be dialled.</summary>
public sealed class ProviderDialerTests
{
    [Fact]
    public async Task A_name_is_looked_up_anew_for_each_connection_and_all_its_addresses_must_be_open()
    {
        await using var server = await StartAsync();
        var addresses = new[] { IPAddress.Loopback };
        var dialer = new ProviderDialer([IPNetwork.Parse("127.0.0.1/32")], TimeProvider.System, (host, _) => Task.FromResult(host == "localhost" ? addresses : []));
        await LookAsync(dialer, server, "connected", null);
        addresses = [IPAddress.Loopback, IPAddress.Parse("127.0.0.2")];
        await LookAsync(dialer, server, "unreachable", "host 'localhost' is refused: it is at 127.0.0.2, this machine itself (loopback)");
        addresses = [IPAddress.Parse("::ffff:169.254.169.254")];
        await LookAsync(dialer, server, "unreachable", "the metadata service of a cloud");
        server.Requests.Count.ShouldBe(3, "a version and two lists, of the first look alone");
    }

    [Fact]
    public async Task A_proxy_must_be_where_one_may_and_what_it_is_asked_for_too()
    {
        await using var server = await StartAsync();
        var dialer = new ProviderDialer([IPNetwork.Parse("127.0.0.1/32")], TimeProvider.System, static (host, _) => Task.FromResult(new[]
        {
            IPAddress.Parse(host switch { "proxy.example" => "127.0.0.1", "inside.example" => "169.254.169.254", "localhost" => "127.0.0.1", _ => "127.0.0.2" }),
        }));
        await LookAsync(dialer, server, "unreachable", "host 'other.example' is refused", proxy: "http://other.example:3128");
        await LookAsync(dialer, server, "unreachable", "host 'inside.example' is refused", proxy: "http://proxy.example:1", host: "inside.example");
        await LookAsync(dialer, server, "unreachable", "Connection refused", proxy: "http://proxy.example:1");
        await LookAsync(dialer, server, "unreachable", "host 'other.example' is refused", proxy: "socks5://other.example:1080");
        server.Requests.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("127.0.0.1,fd00::/8", true)]
    [InlineData("localhost", false)]
    [InlineData("10.0.0.0/40", false)]
    public void What_is_open_is_told_by_addresses_and_networks(string text, bool right)
    {
        var environment = new Dictionary<string, string> { ["AGENT_IMAGE"] = "a", ["PROVIDER_ALLOW_ADDRESS"] = text };
        if (right)
        {
            Coordinator.Hosting.SettingsReader.Read(environment, null, "host").ProviderAllowAddresses.Count.ShouldBe(2);
        }
        else
        {
            Should.Throw<CoordinatorException>(() => Coordinator.Hosting.SettingsReader.Read(environment, null, "host")).Message
                .ShouldBe($"PROVIDER_ALLOW_ADDRESS=\"{text}\" is neither an address nor a network; write for example 127.0.0.1 or 10.0.0.0/8");
        }
    }

    private static async Task LookAsync(ProviderDialer dialer, TestApiServer server, string state, string? why, string? proxy = null, string host = "localhost")
    {
        var text = server.Kubeconfig.Replace("127.0.0.1", host, StringComparison.Ordinal);
        using var client = dialer.Dial(new KeptProvider { Name = "east", Kubeconfig = proxy is null ? text : text.Replace("server: ", $"proxy-url: {proxy}\n    server: ", StringComparison.Ordinal) });
        var look = await ProviderLook.AtAsync(client, "default", TimeProvider.System, CancellationToken.None);
        look.State.ShouldBe(state, look.Message);
        (look.Message ?? "").ShouldContain(why ?? "");
    }

    private static async Task<TestApiServer> StartAsync()
    {
        var server = await TestApiServer.StartAsync(new TestApiServerOptions { Https = true, CelRules = AnyRule.Of(Coordinator.Api.Schemas.CustomResourceDefinitions.All) });
        await KubeVirtServer.ApplyKindsAsync(server);
        return server;
    }
}
