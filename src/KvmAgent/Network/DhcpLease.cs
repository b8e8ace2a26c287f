using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>An address that the guest has taken.</summary>
internal readonly record struct DhcpLease(IPAddress Address)
{
    public bool IsV6 => Address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>
    /// Reads dnsmasq's lease file: <c>expiry mac|iaid address name client-id</c>, after a line <c>duid …</c> those of DHCPv6.
    /// The file is written while it is read, and names and ids in it come from the guest: what does not fit is passed over.
    /// </summary>
    public static IReadOnlyList<DhcpLease> ParseFile(string text)
    {
        var leases = new List<DhcpLease>();
        foreach (var line in text.Split('\n').SkipLast(1)) // a line without its end is not written out yet
        {
            var fields = line.Split(' ');
            if (fields.Length == 5 && long.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out _)
                && IPAddress.TryParse(fields[2], out var address) && address.ToString() == fields[2])
            {
                leases.Add(new DhcpLease(address));
            }
        }

        return leases;
    }
}
