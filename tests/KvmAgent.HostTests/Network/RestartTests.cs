using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Network;

/// <summary>A restarted container finds the pod's namespace as its predecessor left it; a stopped one leaves it as it found it.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task What_was_set_up_is_taken_back_at_the_end()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true, IpForward = false, Ipv6Forward = false });
        var before = await pod.SnapshotAsync();

        await using var runner = await NetworkRunner.StartAsync(pod);
        (await pod.SnapshotAsync()).ShouldNotBe(before);
        var dnsmasq = await pod.DnsmasqPidAsync();

        (await runner.StopAsync()).ShouldBe(0);
        (await pod.SnapshotAsync()).ShouldBe(before);
        IsGone(dnsmasq).ShouldBeTrue();
    }

    [Fact]
    public async Task After_a_kill_the_next_start_takes_everything_over_with_other_settings()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true });
        var before = await pod.SnapshotAsync();
        await using var killed = await NetworkRunner.StartAsync(pod);
        var oldDnsmasq = await pod.DnsmasqPidAsync();
        await killed.Process.KillAloneAsync();

        await using var runner = await NetworkRunner.StartAsync(
            pod, new NetworkOptions { RunDir = pod.Directory, VmIp = "172.20.0.5", VmGateway = "172.20.0.6", PodPorts = [] });

        IsGone(oldDnsmasq).ShouldBeTrue();
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);
        (await guest.AskDhcpAsync())["ip"].ShouldBe("172.20.0.5");
        await guest.ConfigureAsync("172.20.0.5", "172.20.0.6");
        await using var server = await Socat.ServeAsync(guest.Namespace, "TCP4-LISTEN:5900", Socat.WhoCalls);
        (await Socat.AskAsync(pod.Node, $"TCP4:{PodNamespace.Address}:5900")).ShouldBe(PodNamespace.Client);

        (await runner.StopAsync()).ShouldBe(0);
        (await pod.SnapshotAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_flow_that_was_there_before_moves_to_the_guest()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await pod.Pod.RunAsync("nft", "add", "table", "ip", "tracked");
        await pod.Pod.RunAsync("nft", "add", "chain", "ip", "tracked", "input", "{ type filter hook input priority 0; ct state new accept; }");
        await using var early = await Socat.ServeAsync(pod.Pod, "UDP4-RECVFROM:5353", Socat.Say("pod"));
        await using var client = pod.Node.Start("socat", "-", $"UDP4:{PodNamespace.Address}:5353,sourceport=40000");
        await client.Input.WriteLineAsync("?");
        await client.Input.FlushAsync();
        await client.WaitForLineAsync("pod");

        await using var runner = await NetworkRunner.StartAsync(pod);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);
        await guest.ConfigureAsync();
        await using var server = await Socat.ServeAsync(guest.Namespace, "UDP4-RECVFROM:5353", Socat.Say("guest"));

        await client.Input.WriteLineAsync("?");
        await client.Input.FlushAsync();
        await client.WaitForLineAsync("guest");
    }

    [Fact]
    public async Task Segments_fit_the_smallest_link_though_the_guest_believes_in_a_larger_one()
    {
        // The route, not the device, has the small MTU; and this guest does not heed what DHCP told it.
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Mtu = 1500 });
        await pod.Pod.IpAsync("route change default via 10.244.1.1 dev eth0 onlink mtu 1300");
        await using var runner = await NetworkRunner.StartAsync(pod);
        await using var guest = await GuestStandIn.AttachAsync(pod, 1500);
        (await guest.AskDhcpAsync())["mtu"].ShouldBe("1300");
        await guest.ConfigureAsync();
        await using var server = await Socat.ServeAsync(guest.Namespace, "TCP4-LISTEN:80", Socat.Echo);
        await using var client = pod.Node.Start("socat", "-", $"TCP4:{PodNamespace.Address}:80");
        await client.Input.WriteLineAsync("?");
        await client.Input.FlushAsync();
        await client.WaitForLineAsync("?");

        // 1300 less 40 bytes of headers and 12 of timestamps
        (await pod.Node.RunAsync("ss", "-Htin", "dst", PodNamespace.Address)).ShouldContain(" mss:1248 ");
        (await guest.Namespace.RunAsync("ss", "-Htin", "dst", PodNamespace.Client)).ShouldContain(" mss:1248 ");
    }

    [Fact]
    public async Task Tables_of_others_are_left_alone()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await pod.Pod.RunAsync("nft", "add", "table", "ip", "mesh");
        await using var runner = await NetworkRunner.StartAsync(pod);
        (await pod.Pod.RunAsync("nft", "list", "tables")).ShouldContain("table ip mesh");

        await runner.StopAsync();
        (await pod.Pod.RunAsync("nft", "list", "tables")).Trim().ShouldBe("table ip mesh");
    }

    /// <summary>Gone, or an orphan that nobody collected yet.</summary>
    private static bool IsGone(int pid) => ProcessStat.Read(pid) is null or { State: 'Z' };
}
