using System.Globalization;
using System.Net;
using KvmAgent.Settings;

namespace KvmAgent.Network;

/// <summary>The hardware address of one network card: unicast and not zero. Written in lower case with colons.</summary>
internal readonly record struct MacAddress
{
    private const int Length = 6;

    private readonly ulong _bits;

    private MacAddress(ulong bits) => _bits = bits;

    private byte this[int index] => (byte)(_bits >> (8 * (Length - 1 - index)));

    /// <summary>
    /// The address that belongs to a VM for as long as it keeps its name: netplan and Windows tie a card's settings to its address,
    /// so a new one at each start would leave the guest without a network. 52:54:00 is QEMU's own prefix.
    /// </summary>
    public static MacAddress FromIdentity(string ns, string name)
    {
        const uint last24 = 0xff_ffff;
        var hash = VmIdentity.Hash(ns, name);
        var folded = hash ^ (hash >> 24) ^ (hash >> 48) ^ (hash >> 72) ^ (hash >> 96);
        return new MacAddress(0x525400_000000 | (ulong)(folded & last24));
    }

    /// <summary>Reads six hexadecimal octets parted by colons or hyphens; false for anything else, for multicast and for zero.</summary>
    public static bool TryParse(string? text, out MacAddress mac)
    {
        mac = default;
        var parts = text?.Split(text.Contains('-') ? '-' : ':') ?? [];
        if (parts.Length != Length)
        {
            return false;
        }

        var bits = 0ul;
        foreach (var part in parts)
        {
            if (part.Length != 2 || !byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                return false;
            }

            bits = (bits << 8) | octet;
        }

        var parsed = new MacAddress(bits);
        if (bits == 0 || (parsed[0] & 1) != 0)
        {
            return false;
        }

        mac = parsed;
        return true;
    }

    /// <summary>
    /// The address of the bridge in front of this card: another one, locally administered, and as stable, since the guest
    /// keeps its gateway's address in its neighbour table over a restart of the agent.
    /// </summary>
    public MacAddress ForBridge()
    {
        const ulong others = 0xff_ffffffff;
        return new MacAddress((_bits & others) | ((this[0] == 0xfe ? 0xfaul : 0xfeul) << 40));
    }

    /// <summary>The address that a guest with this card gives itself under a /64 prefix (RFC 4291, appendix A).</summary>
    public IPAddress ToEui64(IPAddress prefix)
    {
        var bytes = prefix.GetAddressBytes();
        byte[] host = [(byte)(this[0] ^ 2), this[1], this[2], 0xff, 0xfe, this[3], this[4], this[5]];
        host.CopyTo(bytes, 8);
        return new IPAddress(bytes);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{this[0]:x2}:{this[1]:x2}:{this[2]:x2}:{this[3]:x2}:{this[4]:x2}:{this[5]:x2}");
}
