using KvmAgent.Disks;
using KvmAgent.Settings;

namespace KvmAgent.Qemu;

/// <summary>
/// Disks for QEMU: each layer is a node of its own with its driver named, and an overlay gets its base as a node, so that no name inside
/// an image is ever followed.
/// </summary>
internal static class QemuDiskArguments
{
    public static IEnumerable<string> Build(IReadOnlyList<PlannedDisk> disks, MachineType machine)
    {
        var units = 0;
        if (disks.Any(d => d.Bus == DiskBus.Scsi))
        {
            yield return "-device";
            yield return "virtio-scsi-pci,id=scsi0";
        }

        foreach (var disk in disks)
        {
            foreach (var node in Nodes(disk))
            {
                yield return "-blockdev";
                yield return node;
            }

            yield return "-device";
            yield return Device(disk, machine, disk.Bus is DiskBus.Sata or DiskBus.Ide ? units++ : 0);
        }
    }

    private static IEnumerable<string> Nodes(PlannedDisk disk)
    {
        if (disk.Base is { } below)
        {
            yield return QemuJson.File($"{disk.Id}-base-file", below.Path, readOnly: true);
            yield return QemuJson.Format($"{disk.Id}-base", below.Format, $"{disk.Id}-base-file", readOnly: true, backing: "");
        }

        yield return QemuJson.File($"{disk.Id}-file", disk.Path, disk.ReadOnly, disk.Cache, disk.Io, disk.IsDevice);
        yield return QemuJson.Format(
            disk.Id,
            disk.Format,
            $"{disk.Id}-file",
            disk.ReadOnly,
            disk.Format == "qcow2" ? (disk.Base is null ? "" : $"{disk.Id}-base") : null,
            disk.Cache);
    }

    private static string Device(PlannedDisk disk, MachineType machine, int unit)
    {
        var serial = disk.Serial is null ? "" : $",serial={disk.Serial}";
        var boot = disk.BootIndex is { } index ? $",bootindex={index}" : "";
        var cache = disk.Cache is DiskCache.Writethrough or DiskCache.Directsync ? ",write-cache=off" : ",write-cache=on";
        var common = $"drive={disk.Id},id=device-{disk.Id}{serial}{boot}{(disk.ReadOnly ? "" : cache)}";
        return disk.Bus switch
        {
            // A guest sees a CD-ROM on virtio-blk as a read-only disk: there is no such thing as a virtio CD-ROM.
            DiskBus.Virtio => $"virtio-blk-pci,{common}",
            DiskBus.Scsi => $"{(disk.Cdrom ? "scsi-cd" : "scsi-hd")},bus=scsi0.0,{common}",
            _ => $"{(disk.Cdrom ? "ide-cd" : "ide-hd")},bus={IdeBus(machine, unit)},{common}",
        };
    }

    /// <summary>q35 has six SATA ports, one device each; pc has two IDE channels with two.</summary>
    private static string IdeBus(MachineType machine, int unit) => machine switch
    {
        MachineType.Q35 when unit < 6 => $"ide.{unit}",
        MachineType.Pc when unit < 4 => $"ide.{unit / 2},unit={unit % 2}",
        _ => throw new AgentException(
            FailureReason.Settings, $"there are more disks on the {(machine == MachineType.Q35 ? "sata" : "ide")} bus than it has places; put some on virtio or scsi"),
    };
}
