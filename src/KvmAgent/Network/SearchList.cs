using System.Text;

namespace KvmAgent.Network;

/// <summary>
/// How long a search list becomes in DHCP option 119 (RFC 3397), whose limit is 255 bytes: dnsmasq refuses to start on a longer one.
/// </summary>
internal static class SearchList
{
    private const int LongestOption = 255;

    /// <summary>The domains from the front that fit.</summary>
    public static IReadOnlyList<string> Fit(IReadOnlyList<string> domains)
    {
        var encoded = new List<byte>();
        return [.. domains.TakeWhile(domain => Append(encoded, domain) <= LongestOption)];
    }

    /// <summary>Adds a name as dnsmasq does: labels, and a pointer in the place of a tail that stands earlier in full.</summary>
    private static int Append(List<byte> encoded, string domain)
    {
        var name = new List<byte>();
        foreach (var label in domain.Split('.'))
        {
            name.Add((byte)label.Length);
            name.AddRange(Encoding.ASCII.GetBytes(label));
        }

        name.Add(0);
        for (var tail = 0; name[tail] != 0; tail += name[tail] + 1)
        {
            if (Find(encoded, name[tail..]) is { } place)
            {
                name.RemoveRange(tail, name.Count - tail);
                name.AddRange([(byte)(0xc0 | (place >> 8)), (byte)place]);
                break;
            }
        }

        encoded.AddRange(name);
        return encoded.Count;
    }

    /// <summary>Steps over the labels as dnsmasq does (parse_dhcp_opt in option.c), which takes a pointer for a long label.</summary>
    private static int? Find(List<byte> encoded, List<byte> tail)
    {
        for (var place = 0; place < encoded.Count; place += encoded[place] + 1)
        {
            if (encoded.Skip(place).Take(tail.Count).SequenceEqual(tail))
            {
                return place;
            }
        }

        return null;
    }
}
