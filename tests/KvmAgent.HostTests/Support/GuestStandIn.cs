using System.Globalization;
using KvmAgent.Network;

namespace KvmAgent.HostTests.Support;

/// <summary>
/// A namespace in the place of a guest: its card and the pod's tap are joined by a relay of frames, as QEMU would join them.
/// </summary>
internal sealed class GuestStandIn : IAsyncDisposable
{
    public const string Device = "eth0";

    private readonly Background[] _relay;
    private readonly string _leases;

    private GuestStandIn(NetworkNamespace guest, Background[] relay, string leases) => (Namespace, _relay, _leases) = (guest, relay, leases);

    public NetworkNamespace Namespace { get; }

    /// <summary>Plugs a guest in. Its card is up, without addresses but those that it gives itself.</summary>
    public static async Task<GuestStandIn> AttachAsync(PodNamespace pod, int mtu)
    {
        var guest = await NetworkNamespace.CreateAsync("guest");
        try
        {
            // Two ends of a pair of datagram sockets, which keep the borders of frames. An end that sends to a missing one dies:
            // the guest's comes first, since its card is still down, while the bridge speaks as soon as it has a carrier.
            string[] ends = [Path.Combine(pod.Directory, "relay-pod"), Path.Combine(pod.Directory, "relay-guest")];
            Array.ForEach(ends, File.Delete);
            var guestEnd = await RelayAsync(guest, Device, ends[1], ends[0]);
            var podEnd = await RelayAsync(pod.Pod, BridgeLinks.Tap, ends[0], ends[1]);

            // With enhanced DAD a card knows its own probe when it comes back; not every guest has that, and ours must not need it.
            await guest.SysctlAsync($"net.ipv6.conf.{Device}.enhanced_dad", "0");
            await guest.IpAsync($"link set dev {Device} address {NetworkOptions.Mac} mtu {mtu.ToString(CultureInfo.InvariantCulture)} up");
            return new GuestStandIn(guest, [podEnd, guestEnd], pod.Directory);
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives the card the addresses that DHCP would.</summary>
    public async Task ConfigureAsync(string vmIp = "192.168.254.2", string gateway = "192.168.254.1")
    {
        await Namespace.IpAsync($"address add {vmIp}/30 dev {Device}");
        await Namespace.IpAsync($"route add default via {gateway}");
    }

    /// <summary>Waits for the address that the card makes from a router's advertisement, until it is known to be nobody else's.</summary>
    public async Task<string> WaitForIpv6Async()
    {
        string[] fields = [];
        await Until.TrueAsync(async () =>
        {
            fields = (await Namespace.IpAsync($"-6 -oneline address show dev {Device} scope global -tentative")).Split([' ', '/'], StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 3;
        });
        return fields[3];
    }

    /// <summary>Asks for a lease as a guest would.</summary>
    /// <returns>What the server told, as udhcpc names it (ip, router, dns, search, mtu …).</returns>
    public async Task<IReadOnlyDictionary<string, string>> AskDhcpAsync()
    {
        var script = Path.Combine(_leases, "udhcpc.sh");
        var answer = Path.Combine(_leases, "udhcpc.bound");
        await File.WriteAllTextAsync(script, $"#!/bin/sh\n[ \"$1\" = bound ] && env > {answer}\nexit 0\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.Delete(answer);
        await Namespace.RunAsync(
            "busybox", "udhcpc", "-i", Device, "-f", "-n", "-q", "-t", "5", "-T", "1", "-s", script,
            "-O", "search", "-O", "mtu", "-O", "hostname", "-O", "dns");
        return (await File.ReadAllLinesAsync(answer)).Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);
    }

    /// <summary>Asks for an IPv6 lease under a new identity of this type (LL or LLT) each time.</summary>
    /// <returns>What the server told, as dhclient names it.</returns>
    public async Task<IReadOnlyDictionary<string, string>> AskDhcp6Async(string duidType)
    {
        string At(string file) => Path.Combine(_leases, $"{file}-{duidType}");
        await File.WriteAllTextAsync(At("dhclient.sh"), $"#!/bin/sh\n[ \"$reason\" = BOUND6 ] && env > {At("bound6")}.new && mv {At("bound6")}.new {At("bound6")}\nexit 0\n");
        File.SetUnixFileMode(At("dhclient.sh"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await using var client = Namespace.Start(
            "dhclient", "-6", "-1", "-d", "-D", duidType, "-cf", "/dev/null", "-lf", At("leases6"), "-pf", At("pid6"), "-sf", At("dhclient.sh"), Device);
        await client.WaitForLineAsync("PRC: Bound to lease");
        await Until.TrueAsync(() => Task.FromResult(File.Exists(At("bound6"))));
        return (await File.ReadAllLinesAsync(At("bound6"))).Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var end in _relay)
        {
            await end.DisposeAsync();
        }

        await Namespace.DisposeAsync();
    }

    private static async Task<Background> RelayAsync(NetworkNamespace place, string tap, string own, string other)
    {
        var relay = place.Start("socat", "-dd", "-b", "70000", $"TUN,tun-type=tap,tun-name={tap},iff-no-pi", $"UNIX-SENDTO:{other},bind={own}");
        await relay.WaitForLineAsync("starting data transfer loop");
        return relay;
    }
}
