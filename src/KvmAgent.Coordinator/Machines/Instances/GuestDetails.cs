using KvmAgent.Contracts;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>What the pod and the agent tell of the guest. The pod's address is always the first: it is there before the guest is, and stays.</summary>
internal static class GuestDetails
{
    /// <summary>What is known as soon as there is a pod.</summary>
    public static VmiStatus Planned(VmiStatus status, InstanceView view)
    {
        var domain = view.Instance.Spec!.Domain;
        return status with
        {
            Machine = view.IsAdopted ? null : new VmiMachineStatus(domain.Machine?.Type is { Length: > 0 } type ? type : "q35"),
            CurrentCPUTopology = view.IsAdopted ? status.CurrentCPUTopology
                : new CpuTopologyStatus(domain.Cpu?.Cores ?? 1, domain.Cpu?.Sockets ?? 1, domain.Cpu?.Threads ?? 1),
            VolumeStatus = status.VolumeStatus ?? Volumes(view),
        };
    }

    /// <param name="agent">Of a guest that runs: one write for all that it tells.</param>
    public static VmiStatus Add(VmiStatus status, InstanceView view, Pod pod, VmStatus? agent)
    {
        var planned = Planned(status, view);
        return planned with
        {
            Interfaces = Interfaces(view, pod, agent) ?? status.Interfaces,
            GuestOSInfo = agent is { GuestAgent: { } guest } ? OperatingSystem(guest) ?? status.GuestOSInfo : status.GuestOSInfo,
            CurrentCPUTopology = view.IsAdopted ? Told(agent) ?? status.CurrentCPUTopology : planned.CurrentCPUTopology,
            Memory = agent?.Machine is { } machine ? Memory(machine.MemoryBytes) : status.Memory,
        };
    }

    private static IReadOnlyList<VmiInterfaceStatus>? Interfaces(InstanceView view, Pod pod, VmStatus? agent)
    {
        IReadOnlyList<string> addresses = pod.Status?.PodIPs is { Count: > 0 } all ? [.. all.Select(static a => a.Ip)]
            : pod.Status?.PodIP is { Length: > 0 } one ? [one]
            : [];
        if (addresses.Count == 0)
        {
            return null;
        }

        if (agent is null && view.Instance.Status?.Interfaces is [{ Mac: not null } known, ..] && known.IpAddress == addresses[0])
        {
            return view.Instance.Status.Interfaces;
        }

        var mac = agent?.Network?.Mac;
        var inGuest = mac is null ? null : agent!.GuestAgent?.Interfaces.FirstOrDefault(i => string.Equals(i.Mac, mac, StringComparison.OrdinalIgnoreCase));
        return
        [
            new VmiInterfaceStatus
            {
                Name = view.Instance.Spec!.Domain.Devices?.Interfaces is [var first, ..] ? first.Name : "default",
                Mac = mac,
                IpAddress = addresses[0],
                IpAddresses = addresses,
                InterfaceName = inGuest?.Name,
                InfoSource = inGuest is null ? "domain" : "domain, guest-agent",
                QueueCount = 1,
            },
        ];
    }

    private static GuestOsInfo? OperatingSystem(GuestAgentStatus guest) =>
        guest.Os is null && guest.Kernel is null ? null : new GuestOsInfo { Name = guest.Os, PrettyName = guest.Os, KernelRelease = guest.Kernel };

    /// <summary>The agent says how many there are, each a socket where nothing else is asked of it.</summary>
    private static CpuTopologyStatus? Told(VmStatus? agent) => agent?.Machine is { } machine ? new CpuTopologyStatus(1, machine.Cpus, 1) : null;

    private static VmiMemoryStatus Memory(long bytes)
    {
        var quantity = Quantity.OfBytes(bytes).Text;
        return new VmiMemoryStatus { GuestAtBoot = quantity, GuestCurrent = quantity, GuestRequested = quantity };
    }

    private static List<VmiVolumeStatus> Volumes(InstanceView view)
    {
        var volumes = new List<VmiVolumeStatus>();
        var letters = new Dictionary<string, int>();
        var spec = view.Instance.Spec!;
        foreach (var disk in DefaultDisks.AddTo(spec).Domain.Devices?.Disks ?? [])
        {
            var prefix = disk.Bus == "virtio" ? "vd" : disk.Cdrom is null ? "sd" : "sr";
            var number = letters[prefix] = letters.GetValueOrDefault(prefix, -1) + 1;
            var name = spec.Volumes?.FirstOrDefault(v => v.Name == disk.Name)?.Claim;
            var claim = name is null ? null : view.Claims.GetValueOrDefault(name);
            volumes.Add(new VmiVolumeStatus
            {
                Name = disk.Name,
                Target = prefix == "sr" ? $"sr{number}" : $"{prefix}{Letters(number)}",
                PersistentVolumeClaimInfo = claim is null ? null : new PersistentVolumeClaimInfo
                {
                    ClaimName = name,
                    AccessModes = claim.Spec?.AccessModes,
                    VolumeMode = claim.Spec?.VolumeMode ?? "Filesystem",
                },
            });
        }

        return volumes;
    }

    /// <summary>As the kernel counts disks: a…z, aa…</summary>
    private static string Letters(int number) => number < 26 ? $"{(char)('a' + number)}" : Letters((number / 26) - 1) + (char)('a' + (number % 26));
}
