using System.Net;

namespace KvmAgent.Network;

/// <summary>Whether the guest gets an IPv6 address where the pod has one, and which.</summary>
internal sealed record GuestIpv6
{
    private GuestIpv6(bool wanted, IPAddress? address) => (Wanted, Address) = (wanted, address);

    /// <summary>The address that the guest's card would give itself under our prefix, so that SLAAC and DHCPv6 agree.</summary>
    public static GuestIpv6 Auto { get; } = new(true, null);

    public static GuestIpv6 Off { get; } = new(false, null);

    public bool Wanted { get; }

    public IPAddress? Address { get; }

    /// <param name="address">One that passed <see cref="VmSubnet.Fault6"/>.</param>
    public static GuestIpv6 At(IPAddress address) => new(true, address);
}

/// <summary>What the settings ask of the network.</summary>
internal sealed record NetworkRequest
{
    /// <summary>The guest's private address; with <see cref="VmGateway"/> it passed <see cref="VmSubnet.Fault"/>.</summary>
    public required IPAddress VmIp { get; init; }

    public required IPAddress VmGateway { get; init; }

    public GuestIpv6 VmIp6 { get; init; } = GuestIpv6.Auto;

    public required MacAddress Mac { get; init; }

    /// <summary>The ports that stay with the pod: VNC's and those of POD_PORTS.</summary>
    public IReadOnlyList<PodPort> PodPorts { get; init; } = [];

    /// <summary>The user who may open the tap: QEMU's.</summary>
    public uint TapOwner { get; init; }

    /// <summary>Queues of the guest's card; more than one needs a tap that was made for it.</summary>
    public int Queues { get; init; } = 1;

    public string? HostName { get; init; }

    public required string RunDir { get; init; }
}
