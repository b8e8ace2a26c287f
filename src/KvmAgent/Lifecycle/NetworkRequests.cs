using KvmAgent.Network;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

internal static class NetworkRequests
{
    public static NetworkRequest From(VmSettings settings) => new()
    {
        VmIp = settings.Network.Ip,
        VmGateway = settings.Network.Gateway,
        VmIp6 = settings.Network.Ip6,
        Mac = settings.Network.Mac,
        PodPorts = settings.Network.PodPorts,
        TapOwner = QemuUser.Id,
        Queues = settings.Network.Queues,
        HostName = settings.Name,
        RunDir = settings.RunDir,
    };
}
