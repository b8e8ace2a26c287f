using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>The private networks between the pod and its guest, and the rules for the addresses that settings may give.</summary>
internal static class VmSubnet
{
    public const int PrefixLength = 30;
    public const string Netmask = "255.255.255.252";

    public const int PrefixLength6 = 64;

    /// <summary>
    /// Our /64, never seen outside of a pod: a unique local prefix (RFC 4193) whose 40 bits are the letters "kvmag". Where the pod
    /// has it itself, because it is a guest of another agent, the next subnet ids are tried.
    /// </summary>
    private static readonly byte[] Prefix6 = [0xfd, (byte)'k', (byte)'v', (byte)'m', (byte)'a', (byte)'g', 0, 0];

    /// <summary>What is wrong with a pair of VM_IP and VM_GW: they must be the two hosts of one /30.</summary>
    /// <returns>Null where nothing is.</returns>
    public static string? Fault(IPAddress vmIp, IPAddress gateway)
    {
        foreach (var (name, address) in new[] { ("VM_IP", vmIp), ("VM_GW", gateway) })
        {
            if (address.AddressFamily != AddressFamily.InterNetwork || address.GetAddressBytes()[0] is 0 or 127 or >= 224)
            {
                return $"{name}={address} is not a usable IPv4 address; take one of a private network, such as 192.168.254.2";
            }
        }

        var subnet = Of(gateway);
        return subnet.Contains(vmIp) && !vmIp.Equals(gateway) && IsHost(vmIp) && IsHost(gateway)
            ? null
            : $"VM_IP={vmIp} and VM_GW={gateway} are not the two hosts of one /30 network; take a pair such as 192.168.254.2 and 192.168.254.1";
    }

    /// <summary>What is wrong with an address in VM_IP6.</summary>
    /// <returns>Null where nothing is.</returns>
    public static string? Fault6(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || !address.IsIPv6UniqueLocal)
        {
            return $"VM_IP6={address} is not a unique local IPv6 address (fc00::/7); leave it out, or take one such as fd12:3456:789a::2";
        }

        var subnet = Of6(address);
        return address.Equals(subnet.BaseAddress) || address.Equals(Gateway6(subnet))
            ? $"VM_IP6={address} is taken: the gateway is {Gateway6(subnet)}; take another host of {subnet}"
            : null;
    }

    /// <summary>The /30 around an address.</summary>
    public static IPNetwork Of(IPAddress address) => Around(address, PrefixLength);

    /// <summary>The /64 around an address.</summary>
    public static IPNetwork Of6(IPAddress address) => Around(address, PrefixLength6);

    public static IPAddress Gateway6(IPNetwork subnet)
    {
        var bytes = subnet.BaseAddress.GetAddressBytes();
        bytes[^1] = 1;
        return new IPAddress(bytes);
    }

    /// <summary>Our own /64 number <paramref name="id"/>.</summary>
    public static IPNetwork Own6(byte id)
    {
        var bytes = new byte[16];
        Prefix6.CopyTo(bytes, 0);
        bytes[7] = id;
        return new IPNetwork(new IPAddress(bytes), PrefixLength6);
    }

    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    /// <summary>The network of this prefix length around an address; without one, the address alone.</summary>
    public static IPNetwork Around(IPAddress address, int? length = null)
    {
        var bytes = address.GetAddressBytes();
        var kept = length ?? bytes.Length * 8;
        for (var bit = kept; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes), kept);
    }

    private static bool IsHost(IPAddress address) => (address.GetAddressBytes()[3] & 3) is 1 or 2;
}
