using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>One address family of the guest's network: the pod's address stands for the guest's.</summary>
internal sealed record AddressMapping(IPAddress Pod, IPAddress Guest, IPAddress Gateway, IPNetwork Subnet)
{
    public bool IsV6 => Guest.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>The family's name in nft.</summary>
    public string Family => IsV6 ? "ip6" : "ip";
}
