using System.Net;

namespace KvmAgent.Network;

/// <summary>The guest's private network must not hide anything that the pod talks to.</summary>
internal static class CollisionCheck
{
    /// <summary>Networks to recommend in the place of one that is taken.</summary>
    private static readonly IPNetwork[] Alternatives =
    [
        IPNetwork.Parse("192.168.254.0/30"), IPNetwork.Parse("172.31.255.252/30"), IPNetwork.Parse("10.255.255.252/30"),
    ];

    public static void Check(NetworkRequest request, IPNetwork subnet, PodNetwork pod)
    {
        if (Collision(subnet, pod) is { } what)
        {
            var free = Alternatives.Where(other => Collision(other, pod) is null).Select(Pair).FirstOrDefault("two hosts of a free /30");
            throw new AgentException(
                FailureReason.Settings,
                $"VM_IP={request.VmIp} and VM_GW={request.VmGateway}: their network {subnet} overlaps {what}; set {free}");
        }
    }

    /// <summary>What of the pod's a network would hide; null where it is free.</summary>
    public static string? Collision(IPNetwork subnet, PodNetwork pod) =>
        pod.Used.Where(used => VmSubnet.Overlap(used.Network, subnet)).Select(used => used.What)
            .Concat(pod.Resolv.Nameservers.Where(subnet.Contains).Select(server => $"the name server {server}"))
            .FirstOrDefault();

    private static string Pair(IPNetwork subnet)
    {
        var bytes = subnet.BaseAddress.GetAddressBytes();
        IPAddress Host(byte number) => new([bytes[0], bytes[1], bytes[2], (byte)(bytes[3] + number)]);
        return $"VM_IP={Host(2)} and VM_GW={Host(1)}";
    }
}
