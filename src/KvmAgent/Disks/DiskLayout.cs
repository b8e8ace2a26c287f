using KvmAgent.Settings;

namespace KvmAgent.Disks;

/// <summary>What the root disk is made of.</summary>
internal abstract record RootDisk
{
    /// <summary>A block device that the pod brought: <c>/dev/vm/root</c>.</summary>
    public sealed record Device(string Path) : RootDisk;

    /// <summary>The VM's own overlay on a shared base image.</summary>
    public sealed record Overlay(string BaseName) : RootDisk;

    /// <summary>A disk to install on.</summary>
    public sealed record Blank(long Size) : RootDisk;

    /// <summary>All disks are those of the spec file, or the VM boots from its CD-ROM alone.</summary>
    public sealed record None : RootDisk;
}

/// <summary>
/// Which disks the VM has: a root disk, CD-ROM, those of the spec file, and those that the pod brings at the places where the original
/// looked for them (<c>/dev/vm/disk*</c>, <c>/volumes/*.img</c>), in sorted order so that the guest's names for them stay the same.
/// </summary>
/// <param name="Brought">Full paths of raw disks.</param>
internal sealed record DiskLayout(RootDisk Root, IReadOnlyList<string> Brought)
{
    /// <exception cref="AgentException">There is nothing to boot from.</exception>
    public static DiskLayout Decide(VmSettings settings, HostPaths paths)
    {
        IEnumerable<string> brought =
        [
            .. Sorted(paths.BlockDisks, "disk*"),
            .. Sorted(paths.VolumeDisks, "*.img"),
        ];
        return new DiskLayout(DecideRoot(settings, paths), [.. brought]);
    }

    private static RootDisk DecideRoot(VmSettings settings, HostPaths paths)
    {
        var device = Path.Combine(paths.BlockDisks, "root");
        if (File.Exists(device))
        {
            return new RootDisk.Device(device);
        }

        if (settings.Image.Target is { } name)
        {
            return new RootDisk.Overlay(name);
        }

        var hasCdrom = settings.Disk.Cdrom is not null || settings.ExtraDisks.Any(d => d is { Cdrom: true, Files: null });
        if (hasCdrom && settings.Disk.Size is { } size)
        {
            return new RootDisk.Blank(size);
        }

        return hasCdrom || settings.ExtraDisks.Any(d => d.Files is null)
            ? new RootDisk.None()
            : throw new AgentException(
                FailureReason.Settings,
                $"{Setting.ImgSource.Name} is not set and there is no disk to boot from; set it to the URL or the full path of an image, "
                + $"set {Setting.ImgTarget.Name} to a base that is in {settings.ImageDir} already, attach a block device at {device}, "
                + $"or set {Setting.VmCdrom.Name} and {Setting.VmDiskSize.Name} to install from a CD-ROM");
    }

    private static IOrderedEnumerable<string> Sorted(string directory, string pattern) =>
        (Directory.Exists(directory) ? Directory.EnumerateFiles(directory, pattern) : []).Order(StringComparer.Ordinal);
}
