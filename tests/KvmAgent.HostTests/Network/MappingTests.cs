using System.Buffers.Binary;
using System.Numerics;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Network;

/// <summary>The guest has the pod's address: what reaches it, and as whom it is seen.</summary>
public sealed class MappingTests(MappedPod mapped) : IClassFixture<MappedPod>
{
    private NetworkNamespace Client => mapped.Pod.Node;

    private NetworkNamespace Pod => mapped.Pod.Pod;

    private NetworkNamespace Guest => mapped.Guest.Namespace;

    [Theory]
    [InlineData(22)]
    [InlineData(80)]
    [InlineData(65535)]
    public async Task Any_tcp_port_of_the_pod_is_the_guests_which_sees_the_client(int port)
    {
        await using var server = await Socat.ServeAsync(Guest, $"TCP4-LISTEN:{port}", Socat.WhoCalls);
        await using var server6 = await Socat.ServeAsync(Guest, $"TCP6-LISTEN:{port},ipv6only", Socat.WhoCalls);

        (await Socat.AskAsync(Client, $"TCP4:{PodNamespace.Address}:{port}")).ShouldBe(PodNamespace.Client);
        Short(await Socat.AskAsync(Client, $"TCP6:[{PodNamespace.Address6}]:{port},bind=[{PodNamespace.Client6}]")).ShouldBe(PodNamespace.Client6);
    }

    [Theory]
    [InlineData(5900)]
    [InlineData(8443)]
    public async Task A_kept_tcp_port_stays_with_the_pod(int port)
    {
        await using var guests = await Socat.ServeAsync(Guest, $"TCP4-LISTEN:{port}", Socat.Say("guest"));
        await using var guests6 = await Socat.ServeAsync(Guest, $"TCP6-LISTEN:{port},ipv6only", Socat.Say("guest"));
        await using var pods = await Socat.ServeAsync(Pod, $"TCP4-LISTEN:{port}", Socat.Say("pod"));
        await using var pods6 = await Socat.ServeAsync(Pod, $"TCP6-LISTEN:{port},ipv6only", Socat.Say("pod"));

        (await Socat.AskAsync(Client, $"TCP4:{PodNamespace.Address}:{port}")).ShouldBe("pod");
        (await Socat.AskAsync(Client, $"TCP6:[{PodNamespace.Address6}]:{port}")).ShouldBe("pod");
    }

    [Theory]
    [InlineData(53)]
    [InlineData(5900)]
    public async Task Udp_goes_to_the_guest_also_where_the_tcp_port_stays(int port)
    {
        await using var server = await Socat.ServeAsync(Guest, $"UDP4-LISTEN:{port}", Socat.WhoCalls);
        await using var server6 = await Socat.ServeAsync(Guest, $"UDP6-LISTEN:{port},ipv6only", Socat.WhoCalls);

        (await Socat.AskAsync(Client, $"UDP4:{PodNamespace.Address}:{port}")).ShouldBe(PodNamespace.Client);
        Short(await Socat.AskAsync(Client, $"UDP6:[{PodNamespace.Address6}]:{port},bind=[{PodNamespace.Client6}]")).ShouldBe(PodNamespace.Client6);
    }

    [Fact]
    public async Task A_kept_udp_port_stays_with_the_pod()
    {
        await using var guests = await Socat.ServeAsync(Guest, "UDP4-LISTEN:514", Socat.Say("guest"));
        await using var pods = await Socat.ServeAsync(Pod, "UDP4-LISTEN:514", Socat.Say("pod"));

        (await Socat.AskAsync(Client, $"UDP4:{PodNamespace.Address}:514")).ShouldBe("pod");
    }

    [Fact]
    public async Task Fragments_of_udp_arrive_whole_in_both_directions()
    {
        var text = new string('x', 5000);
        await using var server = await Socat.ServeAsync(Guest, "UDP4-LISTEN:7", Socat.Echo);
        await using var server6 = await Socat.ServeAsync(Guest, "UDP6-LISTEN:7,ipv6only", Socat.Echo);

        (await Socat.AskAsync(Client, $"UDP4:{PodNamespace.Address}:7", text)).ShouldBe(text);
        (await Socat.AskAsync(Client, $"UDP6:[{PodNamespace.Address6}]:7", text)).ShouldBe(text);
    }

    [Theory]
    [InlineData("56")]
    [InlineData("4000")]
    public async Task The_guest_answers_the_pods_ping(string size)
    {
        // So that an answer is the guest's.
        await Pod.SysctlAsync("net.ipv4.icmp_echo_ignore_all", "1");
        await Pod.SysctlAsync("net.ipv6.icmp.echo_ignore_all", "1");

        (await PingAsync(Client, PodNamespace.Address, size)).ShouldBe(0);
        (await PingAsync(Client, PodNamespace.Address6, size)).ShouldBe(0);
    }

    [Fact]
    public async Task An_unknown_ip_protocol_reaches_the_guest_and_its_answer_returns()
    {
        await using var server = await Socat.ServeAsync(Guest, "IP4-RECVFROM:253", Socat.WhoCalls);
        await using var server6 = await Socat.ServeAsync(Guest, "IP6-RECVFROM:253", Socat.WhoCalls);

        (await Socat.AskAsync(Client, $"IP4-SENDTO:{PodNamespace.Address}:253")).ShouldBe(PodNamespace.Client);
        Short(await Socat.AskAsync(Client, $"IP6-SENDTO:[{PodNamespace.Address6}]:253,bind=[{PodNamespace.Client6}]"))
            .ShouldBe(PodNamespace.Client6);
    }

    [Fact]
    public async Task An_sctp_association_begins_with_the_guest()
    {
        await using var server = await Socat.ServeAsync(Guest, "IP4-RECVFROM:132", Socat.Echo);
        var packet = Path.Combine(mapped.Pod.Directory, "sctp");
        await File.WriteAllBytesAsync(packet, SctpInit(destinationPort: 3868));

        await Client.RunAsync("socat", "-u", $"FILE:{packet}", $"IP4-SENDTO:{PodNamespace.Address}:132");

        await server.WaitForLineAsync($"receiving packet from AF=2 {PodNamespace.Client}");
    }

    [Fact]
    public async Task What_leaves_the_guest_is_the_pod()
    {
        await using var tcp = await Socat.ServeAsync(Client, "TCP4-LISTEN:81", Socat.WhoCalls);
        await using var tcp6 = await Socat.ServeAsync(Client, "TCP6-LISTEN:81,ipv6only", Socat.WhoCalls);
        await using var udp = await Socat.ServeAsync(Client, "UDP4-LISTEN:81", Socat.WhoCalls);
        await using var other = await Socat.ServeAsync(Client, "IP4-RECVFROM:254", Socat.WhoCalls);

        (await Socat.AskAsync(Guest, $"TCP4:{PodNamespace.Client}:81")).ShouldBe(PodNamespace.Address);
        Short(await Socat.AskAsync(Guest, $"TCP6:[{PodNamespace.Client6}]:81")).ShouldBe(PodNamespace.Address6);
        (await Socat.AskAsync(Guest, $"UDP4:{PodNamespace.Client}:81")).ShouldBe(PodNamespace.Address);
        (await Socat.AskAsync(Guest, $"IP4-SENDTO:{PodNamespace.Client}:254")).ShouldBe(PodNamespace.Address);
    }

    [Fact]
    public async Task The_guest_pings_the_world_in_fragments()
    {
        (await PingAsync(Guest, PodNamespace.Client, "4000")).ShouldBe(0);
        (await PingAsync(Guest, PodNamespace.Client6, "4000")).ShouldBe(0);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task The_guest_reaches_itself_by_the_pods_address_with_and_without_br_netfilter(string bridgeNetfilter)
    {
        await Pod.SysctlAsync("net.bridge.bridge-nf-call-iptables", bridgeNetfilter);
        await Pod.SysctlAsync("net.bridge.bridge-nf-call-ip6tables", bridgeNetfilter);
        await using var server = await Socat.ServeAsync(Guest, "TCP4-LISTEN:8000", Socat.WhoCalls);
        await using var server6 = await Socat.ServeAsync(Guest, "TCP6-LISTEN:8000,ipv6only", Socat.WhoCalls);

        (await Socat.AskAsync(Guest, $"TCP4:{PodNamespace.Address}:8000")).ShouldBe("192.168.254.1");
        Short(await Socat.AskAsync(Guest, $"TCP6:[{PodNamespace.Address6}]:8000")).ShouldBe("fd6b:766d:6167::1");
        (await PingAsync(Guest, PodNamespace.Address, "56")).ShouldBe(0);
    }

    [Fact]
    public async Task Other_containers_of_the_pod_reach_the_guest_by_the_pods_address()
    {
        await using var server = await Socat.ServeAsync(Guest, "TCP4-LISTEN:8001", Socat.Say("guest"));
        await using var server6 = await Socat.ServeAsync(Guest, "TCP6-LISTEN:8001,ipv6only", Socat.Say("guest"));

        (await Socat.AskAsync(Pod, $"TCP4:{PodNamespace.Address}:8001")).ShouldBe("guest");
        (await Socat.AskAsync(Pod, $"TCP6:[{PodNamespace.Address6}]:8001")).ShouldBe("guest");
    }

    [Fact]
    public async Task The_pod_itself_still_reaches_the_world()
    {
        await using var server = await Socat.ServeAsync(Client, "TCP4-LISTEN:82", Socat.WhoCalls);
        (await Socat.AskAsync(Pod, $"TCP4:{PodNamespace.Client}:82")).ShouldBe(PodNamespace.Address);
    }

    /// <summary>An INIT chunk (RFC 9260, section 3.3.2): connection tracking drops what is not well-formed, and there may be no SCTP here.</summary>
    private static byte[] SctpInit(ushort destinationPort)
    {
        var packet = new byte[32];
        BinaryPrimitives.WriteUInt16BigEndian(packet, 40000);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), destinationPort);
        byte[] chunk = [1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];
        chunk.CopyTo(packet, 12);
        var checksum = ~packet.Aggregate(~0u, BitOperations.Crc32C);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(8), checksum);
        return packet;
    }

    private static async Task<int> PingAsync(NetworkNamespace from, string address, string size) =>
        (await from.TryRunAsync(["ping", "-c", "1", "-W", "5", "-s", size, address])).ExitCode;

    /// <summary>socat writes IPv6 addresses in full.</summary>
    private static string Short(string address) => System.Net.IPAddress.TryParse(address, out var parsed) ? $"{parsed}" : address;
}
