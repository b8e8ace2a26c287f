using System.Net;
using System.Net.Sockets;
using KvmAgent.Network;

namespace KvmAgent.Settings;

/// <summary>The guest's addresses and the ports that it does not get.</summary>
internal static class NetworkReader
{
    private static readonly PodPort Vnc = new(TransportProtocol.Tcp, 5900);

    public static NetworkSettings Read(SettingSource source, SettingParser parser, string ns, string name)
    {
        var ip = ReadAddress(Setting.VmIp, source, parser);
        var gateway = ReadAddress(Setting.VmGw, source, parser);
        if (ip is not null && gateway is not null && VmSubnet.Fault(ip, gateway) is { } fault)
        {
            parser.Errors.Add(fault);
        }

        var vnc = !(source.TryGetVariable(Setting.NoVnc, out _)
            || (source.Spec.TryGet(Setting.NoVnc.Key!, out var noVnc) && parser.Boolean(noVnc)));
        var mac = source.TryGet(Setting.VmMac, out GivenValue given) ? ReadMac(given, parser) : MacAddress.FromIdentity(ns, name);
        return new NetworkSettings(
            ip ?? IPAddress.Parse(Setting.VmIp.Default),
            gateway ?? IPAddress.Parse(Setting.VmGw.Default),
            ReadIpv6(source, parser),
            mac,
            source.TryGet(Setting.NicModel, out GivenValue model)
                ? parser.Choice(model, ("virtio", NicModel.Virtio), ("e1000e", NicModel.E1000e))
                : NicModel.Virtio,
            source.Spec.TryGet("nic.queues", out var queues) ? parser.Integer(queues, 1, 16) : 1,
            ReadPorts(source, parser, vnc),
            vnc,
            source.TryGet(Setting.VncPasswordFile, out GivenValue password) ? ReadPasswordFile(password, parser) : null);
    }

    /// <returns>Null where it is none, so that the pair is not judged by a default that nobody gave.</returns>
    private static IPAddress? ReadAddress(Setting setting, SettingSource source, SettingParser parser)
    {
        if (!source.TryGet(setting, out GivenValue given))
        {
            return IPAddress.Parse(setting.Default);
        }

        // A gateway was written with its prefix in early charts: 192.168.254.1/30.
        var text = given.Text.EndsWith("/30", StringComparison.Ordinal) ? given.Text[..^3] : given.Text;
        // Only as it is printed: the parser takes 010 for octal, and one number for a whole address.
        if (IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork && address.ToString() == text)
        {
            return address;
        }

        parser.Errors.Add(given.Origin, given.Text, "is not an IPv4 address", $"write for example {setting.Default}");
        return null;
    }

    private static GuestIpv6 ReadIpv6(SettingSource source, SettingParser parser)
    {
        if (!source.TryGet(Setting.VmIp6, out GivenValue given))
        {
            return GuestIpv6.Auto;
        }

        if (given.Text == "off")
        {
            return GuestIpv6.Off;
        }

        if (!IPAddress.TryParse(given.Text, out var address))
        {
            parser.Errors.Add(given.Origin, given.Text, "is not an IPv6 address", "write one of fc00::/7, or off");
            return GuestIpv6.Auto;
        }

        if (VmSubnet.Fault6(address) is { } fault)
        {
            parser.Errors.Add(fault);
        }

        return GuestIpv6.At(address);
    }

    private static MacAddress ReadMac(GivenValue given, SettingParser parser)
    {
        if (MacAddress.TryParse(given.Text, out var mac))
        {
            return mac;
        }

        parser.Errors.Add(given.Origin, given.Text, "is not a unicast MAC address", "write for example 52:54:00:12:34:56");
        return MacAddress.FromIdentity("", "");
    }

    private static IReadOnlyList<PodPort> ReadPorts(SettingSource source, SettingParser parser, bool vnc)
    {
        var ports = new List<PodPort>();
        if (vnc)
        {
            ports.Add(Vnc);
        }

        if (source.TryGet(Setting.PodPorts, out GivenValue given))
        {
            foreach (var item in given.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (PodPort.TryParse(item, out var port))
                {
                    ports.Add(port);
                }
                else
                {
                    parser.Errors.Add(
                        given.Origin, given.Text, $"{item} is not a port", "write ports from 1 to 65535, with /udp or /sctp where they are not TCP: 8080,53/udp");
                }
            }
        }

        return [.. ports.Distinct()];
    }

    private static string ReadPasswordFile(GivenValue given, SettingParser parser)
    {
        var path = parser.ExistingFile(given);
        try
        {
            // RFC 6143, 7.2.2: a password is cut to 8 bytes, the rest would count for nothing.
            if (File.Exists(path) && ReadPassword(path).Length is 0 or > 8)
            {
                parser.Errors.Add(given.Origin, path, "the password in it has not 1 to 8 bytes, which is what VNC takes", "put such a password there");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            parser.Errors.Add(given.Origin, path, e.Message, "let the agent's user read it");
        }

        return path;
    }

    /// <summary>The file's bytes without the newline that editors put at its end; not more of them than show that it is no password.</summary>
    internal static byte[] ReadPassword(string path)
    {
        Span<byte> bytes = stackalloc byte[64];
        using var file = File.OpenRead(path);
        return bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)].TrimEnd("\r\n"u8).ToArray();
    }
}
