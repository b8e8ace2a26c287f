using System.Globalization;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Support;

/// <summary>How the network of a pod looks before the agent starts.</summary>
internal sealed record PodOptions
{
    public string Device { get; init; } = "eth0";

    public int Mtu { get; init; } = 1450;

    /// <summary>As with Calico: a /32 address, and a gateway on the link outside of it.</summary>
    public bool OffSubnetGateway { get; init; }

    /// <summary>Whether the pod has an IPv6 address and a router.</summary>
    public bool Ipv6 { get; init; }

    public bool IpForward { get; init; } = true;

    public bool Ipv6Forward { get; init; } = true;

    /// <summary>bridge-nf-call-iptables and -ip6tables: 1 in every namespace of a node that has br_netfilter.</summary>
    public bool BridgeNetfilter { get; init; } = true;

    public string ResolvConf { get; init; } =
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";
}

/// <summary>
/// A namespace that stands for a pod, and one for its node and the world behind it:
/// <c>pod (10.244.1.2, fd00:10:244:1::2) ── veth ── node (10.244.1.1 or 169.254.1.1; the client's addresses are on its lo)</c>.
/// Everything is deleted at the end.
/// </summary>
internal sealed class PodNamespace : IAsyncDisposable
{
    public const string Address = "10.244.1.2";
    public const string Address6 = "fd00:10:244:1::2";

    /// <summary>The other end of all conversations: as far away as another node.</summary>
    public const string Client = "10.244.9.9";
    public const string Client6 = "fd00:10:244:9::9";

    private const string OnSubnetRouter = "10.244.1.1", OffSubnetRouter = "169.254.1.1", Router6 = "fd00:10:244:1::1";
    private const string NodeDevice = "to-pod";

    private PodNamespace(NetworkNamespace pod, NetworkNamespace node) => (Pod, Node) = (pod, node);

    public NetworkNamespace Pod { get; }

    public NetworkNamespace Node { get; }

    /// <summary>A directory that ends with the pod: RUN_DIR and whatever a test keeps.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("kvmtest-").FullName;

    public static async Task<PodNamespace> CreateAsync(PodOptions options)
    {
        var created = new PodNamespace(await NetworkNamespace.CreateAsync("pod"), await NetworkNamespace.CreateAsync("node"));
        try
        {
            await created.SetUpAsync(options);
            return created;
        }
        catch
        {
            await created.DisposeAsync();
            throw;
        }
    }

    /// <summary>The pid of the dnsmasq that serves this pod, from its record in RUN_DIR.</summary>
    public async Task<int> DnsmasqPidAsync()
    {
        var record = await File.ReadAllTextAsync(Path.Combine(Directory, "dnsmasq.pid"));
        return int.Parse(record.Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until no QEMU runs in the pod.</summary>
    public Task QemuGoneAsync() => Until.TrueAsync(async () =>
        !(await ProcessRunner.RunAsync("ip", ["netns", "pids", Pod.Name])).Split('\n', StringSplitOptions.RemoveEmptyEntries).Any(IsQemu));

    /// <summary>All of the pod's network that the agent might change, to compare before and after.</summary>
    public async Task<string> SnapshotAsync()
    {
        // An address whose uniqueness is still being asked for says so, and its route comes later.
        await Until.TrueAsync(async () => (await Pod.IpAsync("-6 address show tentative")).Trim().Length == 0, TimeSpan.FromSeconds(30));
        return string.Join('\n', [
            await Pod.IpAsync("address show"), await Pod.IpAsync("route show table all"), await Pod.IpAsync("-6 route show table all"),
            await Pod.RunAsync("nft", "list", "ruleset"),
            await Pod.RunAsync("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")]);
    }

    public async ValueTask DisposeAsync()
    {
        await Pod.DisposeAsync();
        await Node.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static bool IsQemu(string pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").StartsWith("qemu", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // It has ended.
        }
    }

    private async Task SetUpAsync(PodOptions options)
    {
        Pod.SetResolvConf(options.ResolvConf);
        await Pod.SysctlAsync("net.ipv4.ip_forward", options.IpForward ? "1" : "0");
        await Pod.SysctlAsync("net.ipv6.conf.all.forwarding", options.Ipv6Forward ? "1" : "0");
        await Pod.SysctlAsync("net.ipv4.conf.all.rp_filter", "1");
        await Node.SysctlAsync("net.ipv4.ip_forward", "1");
        if (System.IO.Directory.Exists("/proc/sys/net/bridge"))
        {
            await Pod.SysctlAsync("net.bridge.bridge-nf-call-iptables", options.BridgeNetfilter ? "1" : "0");
            await Pod.SysctlAsync("net.bridge.bridge-nf-call-ip6tables", options.BridgeNetfilter ? "1" : "0");
        }

        var device = options.Device;
        await Pod.IpAsync($"link add {device} mtu {options.Mtu} type veth peer name {NodeDevice} mtu {options.Mtu} netns {Node.Name}");
        await Pod.SysctlAsync($"net.ipv6.conf.{device}.accept_dad", "0"); // settled from the start, as a CNI leaves it
        var router = options.OffSubnetGateway ? OffSubnetRouter : OnSubnetRouter;
        await Node.IpAsync($"address add {router}/32 dev {NodeDevice}");
        await Node.IpAsync($"address add {Client}/32 dev lo");
        await Node.IpAsync($"link set dev {NodeDevice} up");
        await Node.IpAsync($"route add {Address}/32 dev {NodeDevice} src {Client}");
        await Pod.IpAsync($"address add {Address}/{(options.OffSubnetGateway ? 32 : 24)} dev {device}");
        await Pod.IpAsync($"link set dev {device} up");
        await Pod.IpAsync($"route add default via {router} dev {device} onlink");
        if (options.Ipv6)
        {
            await Node.IpAsync($"address add {Router6}/64 dev {NodeDevice} nodad");
            await Node.IpAsync($"address add {Client6}/128 dev lo nodad");
            await Pod.IpAsync($"address add {Address6}/64 dev {device} nodad");
            await Pod.IpAsync($"route add default via {Router6} dev {device}");
        }
    }
}
