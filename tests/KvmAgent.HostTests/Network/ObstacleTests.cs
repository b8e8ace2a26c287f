using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Network;

/// <summary>What a pod may lack: one clear error with the remedy, nothing left behind; or a warning, and on it goes.</summary>
public sealed class ObstacleTests
{
    private const string ReadOnlyProcSys = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys";
    private const string EmptyDevNet = "mount -t tmpfs tmpfs /dev/net";

    [Fact]
    public async Task Without_net_admin() => await FailsAsync(
        new PodOptions(), FailureReason.Missing, ["NET_ADMIN", "securityContext.capabilities.add"], prefix: Capabilities.Only("net_raw", "mknod"));

    [Fact]
    public async Task Without_ip_forward_in_a_read_only_proc_sys() => await FailsAsync(
        new PodOptions { IpForward = false }, FailureReason.Missing, ["net.ipv4.ip_forward", "securityContext.sysctls"],
        prefix: Capabilities.After(ReadOnlyProcSys));

    [Fact]
    public async Task Without_tun_and_the_right_to_make_it() => await FailsAsync(
        new PodOptions(), FailureReason.Missing, ["/dev/net/tun is missing"],
        prefix: [.. Capabilities.After(EmptyDevNet), .. Capabilities.Only("net_admin")]);

    [Fact]
    public async Task Without_a_default_route()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await pod.Pod.IpAsync("route delete default");
        await FailsAsync(pod, FailureReason.Missing, ["no default route"]);
    }

    [Fact]
    public async Task With_a_private_network_that_the_pod_uses() => await FailsAsync(
        new PodOptions(), FailureReason.Settings,
        ["VM_IP=10.244.1.50", "VM_GW=10.244.1.49", "the pod's address 10.244.1.2/24 on eth0", "VM_IP=192.168.254.2 and VM_GW=192.168.254.1"],
        pod => new NetworkOptions { RunDir = pod.Directory, VmIp = "10.244.1.50", VmGateway = "10.244.1.49" });

    [Theory]
    [InlineData("nft", "nftables")]
    [InlineData("dnsmasq", "dnsmasq-base")]
    public async Task Without_a_program(string program, string package)
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        var bin = Directory.CreateDirectory(Path.Combine(pod.Directory, "bin")).FullName;
        foreach (var other in new[] { "ip", "nft", "dnsmasq", "conntrack", "setpriv" }.Where(name => name != program))
        {
            File.CreateSymbolicLink(Path.Combine(bin, other), (await pod.Pod.RunAsync("which", other)).Trim());
        }

        await FailsAsync(pod, FailureReason.Missing, [program, $"install the package {package}"], prefix: ["env", $"PATH={bin}"]);
    }

    [Fact]
    public async Task With_another_dhcp_server_on_all_addresses()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var other = await Socat.ServeAsync(pod.Pod, "UDP4-RECVFROM:67", Socat.Echo, reuse: false);
        await FailsAsync(pod, FailureReason.Missing, ["dnsmasq ended at once", "Address already in use"]);
    }

    [Fact]
    public async Task Tun_is_made_where_that_is_allowed()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var runner = await NetworkRunner.StartAsync(pod, null, [.. Capabilities.After(EmptyDevNet), .. Capabilities.Documented]);
        (await pod.Pod.IpAsync("-d link show dev vmtap0")).ShouldContain("tun type tap");
        File.GetUnixFileMode($"/proc/{runner.Process.Pid}/root/dev/net/tun").HasFlag(UnixFileMode.OtherWrite).ShouldBeTrue();
    }

    [Fact]
    public async Task Without_ipv6_forwarding_in_a_read_only_proc_sys_it_goes_on_with_ipv4()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true, Ipv6Forward = false });
        await using var runner = await NetworkRunner.StartAsync(pod, null, Capabilities.After(ReadOnlyProcSys));
        await using var guest = await GuestStandIn.AttachAsync(pod, 1450);

        runner.Process.Lines.ShouldContain(line => line.StartsWith("warning the guest gets no IPv6", StringComparison.Ordinal)
            && line.Contains("net.ipv6.conf.all.forwarding", StringComparison.Ordinal));
        (await guest.AskDhcpAsync())["ip"].ShouldBe("192.168.254.2");
        (await pod.Pod.IpAsync("-6 address show dev vmbr0")).ShouldBe("");
    }

    [Fact]
    public async Task Forwarding_that_is_off_is_turned_on_and_the_pod_keeps_its_advertised_route()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Ipv6 = true, IpForward = false, Ipv6Forward = false });
        await pod.Pod.SysctlAsync("net.ipv6.conf.eth0.accept_ra", "1");
        await using var runner = await NetworkRunner.StartAsync(pod);

        (await pod.Pod.SysctlAsync("net.ipv4.ip_forward")).ShouldBe("1");
        (await pod.Pod.SysctlAsync("net.ipv6.conf.all.forwarding")).ShouldBe("1");
        (await pod.Pod.SysctlAsync("net.ipv6.conf.eth0.accept_ra")).ShouldBe("2");
    }

    [Fact]
    public async Task A_device_of_any_name_and_a_tap_of_several_queues()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions { Device = "ens7", OffSubnetGateway = true });
        await using var runner = await NetworkRunner.StartAsync(pod, new NetworkOptions { RunDir = pod.Directory, Queues = 4, TapOwner = 4711 });

        (await pod.Pod.IpAsync("-d link show dev vmtap0")).ShouldSatisfyAllConditions(
            tap => tap.ShouldContain("multi_queue"),
            tap => tap.ShouldContain("user 4711"),
            tap => tap.ShouldContain("master vmbr0"));
    }

    private static async Task FailsAsync(
        PodOptions pod, FailureReason reason, string[] says, Func<PodNamespace, NetworkOptions>? options = null, string[]? prefix = null)
    {
        await using var created = await PodNamespace.CreateAsync(pod);
        await FailsAsync(created, reason, says, options, prefix);
    }

    private static async Task FailsAsync(
        PodNamespace pod, FailureReason reason, string[] says, Func<PodNamespace, NetworkOptions>? options = null, string[]? prefix = null)
    {
        var before = await pod.SnapshotAsync();
        await using var runner = NetworkRunner.Launch(pod, options?.Invoke(pod), prefix ?? []);

        var error = await runner.Process.WaitForLineAsync("error ");

        (await runner.Process.ExitAsync()).ShouldBe((int)reason);
        says.ShouldAllBe(text => error.Contains(text, StringComparison.Ordinal), error);
        (await pod.SnapshotAsync()).ShouldBe(before);
    }
}
