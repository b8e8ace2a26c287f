using System.Net;

namespace KvmAgent.Network;

/// <summary>Decides on the guest's IPv6: a want of it costs a warning, never the VM.</summary>
internal static class Ipv6Plan
{
    /// <summary>IPv6 asks this of every link (RFC 8200, section 5).</summary>
    private const int SmallestMtu = 1280;

    public static AddressMapping? Create(NetworkRequest request, PodNetwork pod, int mtu, List<string> warnings)
    {
        if (!request.VmIp6.Wanted || pod.Address6 is not { } podAddress)
        {
            return null;
        }

        var obstacle = pod.Forwarding.Ipv6 switch
        {
            Forwarding.Switch.ReadOnly => "net.ipv6.conf.all.forwarding is 0 and /proc/sys is read-only "
                + "(set it by securityContext.sysctls, or run the container privileged; VM_IP6=off silences this)",
            Forwarding.Switch.Absent => "net.ipv6.conf.default.disable_ipv6 is set",
            _ when mtu < SmallestMtu => $"the pod's MTU of {mtu} is below the {SmallestMtu} that IPv6 needs",
            _ => null,
        };
        if (obstacle is not null)
        {
            warnings.Add($"the guest gets no IPv6 though the pod has {podAddress}: {obstacle}");
            return null;
        }

        var subnet = Subnet(request, pod);
        return new AddressMapping(
            podAddress, request.VmIp6.Address ?? request.Mac.ToEui64(subnet.BaseAddress), VmSubnet.Gateway6(subnet), subnet);
    }

    private static IPNetwork Subnet(NetworkRequest request, PodNetwork pod)
    {
        if (request.VmIp6.Address is not { } address)
        {
            // The pod may itself be the guest of another agent, and have our first network.
            for (var id = 0; id <= byte.MaxValue; id++)
            {
                if (CollisionCheck.Collision(VmSubnet.Own6((byte)id), pod) is null)
                {
                    return VmSubnet.Own6((byte)id);
                }
            }

            throw new AgentException(
                FailureReason.Settings, "the pod uses all IPv6 networks that the agent would: set VM_IP6 to an address of another unique local /64, or to off");
        }

        if (VmSubnet.Fault6(address) is { } fault)
        {
            throw new AgentException(FailureReason.Settings, fault);
        }

        var subnet = VmSubnet.Of6(address);
        return CollisionCheck.Collision(subnet, pod) is { } what
            ? throw new AgentException(
                FailureReason.Settings, $"VM_IP6={address}: its network {subnet} overlaps {what}; leave VM_IP6 out, or take another /64")
            : subnet;
    }
}
