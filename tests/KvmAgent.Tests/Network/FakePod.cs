using System.Net;
using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

/// <summary>What <c>ip -json</c> says in pods of several kinds, and a root with the files that are read besides.</summary>
internal sealed class FakePod : IDisposable
{
    private const string Loopback = """
        {"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"addr_info":[
          {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"},{"family":"inet6","local":"::1","prefixlen":128,"scope":"host"}]}
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    public FakePod(string resolvConf = "nameserver 10.96.0.10\n")
    {
        Write("etc/resolv.conf", resolvConf);
        Write("proc/sys/net/ipv4/ip_forward", "1\n");
        Write("proc/sys/net/ipv6/conf/all/forwarding", "1\n");
        Write("proc/sys/net/ipv6/conf/default/disable_ipv6", "0\n");
    }

    public HostPaths Paths => new(_root.FullName);

    public List<string> Links { get; } = [Loopback];

    public List<string> Routes { get; } = ["""{"type":"local","dst":"127.0.0.0/8","dev":"lo","table":"local","scope":"host","flags":[]}"""];

    /// <summary>As most networks make it.</summary>
    public static FakePod Ordinary(string resolvConf = "nameserver 10.96.0.10\n")
    {
        var pod = new FakePod(resolvConf);
        pod.Link("eth0", 1450, ("10.244.1.2", 24));
        pod.Route("default", "eth0", """ "gateway":"10.244.1.1", """);
        pod.Route("10.244.1.0/24", "eth0", """ "prefsrc":"10.244.1.2", """);
        return pod;
    }

    /// <summary>As <see cref="Ordinary"/>, with IPv6 beside IPv4.</summary>
    public static FakePod DualStack(string resolvConf = "nameserver 10.96.0.10\n")
    {
        var pod = Ordinary(resolvConf);
        pod.Links.RemoveAt(1);
        pod.Link("eth0", 1450, ("10.244.1.2", 24), ("fd00:10:244:1::2", 64));
        pod.Route("default", "eth0", """ "gateway":"fe80::1","pref":"medium", """);
        pod.Route("fd00:10:244:1::/64", "eth0", """ "pref":"medium", """);
        return pod;
    }

    public static NetworkRequest Request(string runDir = "/run/kvm-agent") => new()
    {
        VmIp = IPAddress.Parse("192.168.254.2"),
        VmGateway = IPAddress.Parse("192.168.254.1"),
        Mac = MacAddress.TryParse("52:54:00:12:34:56", out var mac) ? mac : default,
        PodPorts = [new PodPort(TransportProtocol.Tcp, 5900)],
        TapOwner = 4711,
        HostName = "web",
        RunDir = runDir,
    };

    public void Link(string name, int mtu, params (string Address, int PrefixLength)[] addresses) => Links.Add(
        $$"""{"ifname":"{{name}}","mtu":{{mtu}},"addr_info":[{{string.Join(',', addresses.Select(address =>
            $$"""{"local":"{{address.Address}}","prefixlen":{{address.PrefixLength}},"scope":"global"}"""))}}]}""");

    /// <param name="destination">A network, an address or <c>default</c>.</param>
    /// <param name="device">Its device.</param>
    /// <param name="more">Further members of the JSON object, each with a comma behind it.</param>
    public void Route(string destination, string device, string more = "") =>
        Routes.Add($$"""{"dst":"{{destination}}",{{more}}"dev":"{{device}}","flags":[]}""");

    public void Write(string path, string text)
    {
        var file = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    public void Delete(string directory) => Directory.Delete(Path.Combine(_root.FullName, directory), recursive: true);

    public PodNetwork Discover() => PodNetwork.Parse($"{Line(Links)}\n{Line(Routes)}\n", Paths);

    public void Dispose() => _root.Delete(recursive: true);

    private static string Line(IEnumerable<string> objects) => $"[{string.Join(',', objects)}]".Replace("\n", "", StringComparison.Ordinal);
}
