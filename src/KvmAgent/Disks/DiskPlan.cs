using KvmAgent.Images;
using KvmAgent.Processes;
using KvmAgent.Settings;

namespace KvmAgent.Disks;

/// <summary>The files that the layout's disks turned out to be.</summary>
/// <param name="Root">The VM's own qcow2 disk, where the layout has one.</param>
/// <param name="Base">What it lies on.</param>
/// <param name="Cdrom">The ISO to install from.</param>
/// <param name="BlankDisks">Blank disks of the spec file, by name.</param>
/// <param name="FilesDisks">ISOs made of its directories, by name.</param>
/// <param name="ConfigDrive">The config drive's ISO.</param>
internal sealed record DiskFiles(
    string? Root,
    DiskBase? Base,
    string? Cdrom,
    IReadOnlyDictionary<string, string> BlankDisks,
    IReadOnlyDictionary<string, string> FilesDisks,
    string? ConfigDrive);

/// <summary>Makes QEMU's list of disks. The config drive is last, as guests find it by its label, and all others keep their places.</summary>
internal static class DiskPlan
{
    // Firmware tries them in this order; what a person orders explicitly (1 to 1000) comes before what nobody ordered.
    private const int First = 1, AfterOrdered = 1001;

    public static IReadOnlyList<PlannedDisk> Create(VmSettings settings, DiskLayout layout, DiskFiles files)
    {
        var defaults = settings.Disk;
        var next = settings.ExtraDisks.Any(d => d.BootOrder is not null) ? AfterOrdered : First;
        var disks = new List<PlannedDisk>();
        if (layout.Root is RootDisk.Device device)
        {
            disks.Add(Disk("root", device.Path, "raw") with { BootIndex = next++ });
        }
        else if (files.Root is { } root)
        {
            disks.Add(Disk("root", root, "qcow2") with { Base = files.Base, BootIndex = next++ });
        }

        foreach (var extra in settings.ExtraDisks)
        {
            var (path, format) = extra switch
            {
                { Source: { } source } => (source, extra.Qcow2 ? "qcow2" : "raw"),
                { Files: not null } => (files.FilesDisks[extra.Name], "raw"),
                _ => (files.BlankDisks[extra.Name], "qcow2"),
            };
            var isMade = extra.Files is not null;
            disks.Add(Disk($"disk-{extra.Name}", path, format) with
            {
                Bus = extra.Bus,
                Cdrom = extra.Cdrom,
                ReadOnly = extra.ReadOnly,
                Serial = extra.Serial,
                BootIndex = extra.BootOrder ?? (isMade ? null : next++),
                // RUN_DIR may be in memory, where nothing is uncached.
                Cache = isMade ? DiskCache.Writeback : extra.Cache,
                Io = isMade ? DiskIo.Threads : extra.Io,
            });
        }

        disks.AddRange(layout.Brought.Select((path, index) => Disk($"volume-{index}", path, "raw")));
        if (files.Cdrom is { } cdrom)
        {
            // Installers know SATA and IDE; a CD-ROM is not where virtio pays.
            disks.Add(Disk("cdrom", cdrom, "raw") with
            {
                Bus = settings.Machine.Type == MachineType.Q35 ? DiskBus.Sata : DiskBus.Ide,
                Cdrom = true,
                ReadOnly = true,
                BootIndex = next,
            });
        }

        if (files.ConfigDrive is { } drive)
        {
            // On the bus of the disks: the guest has a driver for that one. Debian's cloud kernel has none for SATA.
            disks.Add(Disk("config-drive", drive, "raw") with { Cdrom = true, ReadOnly = true, Cache = DiskCache.Writeback, Io = DiskIo.Threads });
        }

        return disks;

        PlannedDisk Disk(string id, string path, string format) => new(
            id, path, Native.Stat(path) is { IsBlockDevice: true }, format, null, defaults.Bus, false, false, null, null, defaults.Cache, defaults.Io);
    }

    public static DiskBase Below(BaseImage image) => new(image.Path, image.Format.QemuDriver());
}
