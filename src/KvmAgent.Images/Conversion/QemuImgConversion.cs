using KvmAgent.Images.Inspect;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Conversion;

/// <summary>An image that qemu-img shall read, by a driver that is named. Nothing is probed, no name in it is followed.</summary>
/// <param name="Driver">QEMU's name of the format.</param>
/// <param name="Protocol">Where its bytes are: QEMU's options, as JSON.</param>
/// <param name="Location">What QEMU calls that.</param>
/// <param name="Name">What errors call it.</param>
internal sealed record QemuImgNode(string Driver, string Protocol, string Location, string Name)
{
    /// <summary>
    /// A file that we have open until the conversion has ended. It stands there by descriptor, so there is nothing to be quoted, no path can
    /// change its meaning after we have looked, and QEMU's own locks still work: it opens the file anew.
    /// </summary>
    public QemuImgNode(string driver, SafeFileHandle file, string name)
        : this(driver, $$"""{"driver":"file","filename":"{{file.Path}}"}""", file.Path, name)
    {
    }

    /// <summary>What lies below an overlay; the header's own word for it is never asked.</summary>
    public QemuImgNode? Backing { get; init; }

    /// <summary>Which of a VHD's two sizes counts, so that QEMU comes to ours.</summary>
    public bool? SizeIsGeometry { get; init; }

    /// <summary>An accepted image without a backing file.</summary>
    public static QemuImgNode Of(ImageInfo image, SafeFileHandle file, string name) =>
        new(image.Format.QemuDriver(), file, name) { SizeIsGeometry = image.SizeIsGeometry };

    /// <summary>The image as a block device tree.</summary>
    public string FileName => "json:" + Tree;

    private string Tree =>
        $$"""{"driver":"{{Driver}}","read-only":true,"file":{{Protocol}},"backing":{{Backing?.Tree ?? "null"}}{{SizeOption}}}""";

    private string SizeOption => SizeIsGeometry is { } geometry ? $",\"force_size_calc\":\"{(geometry ? "chs" : "current_size")}\"" : "";
}

/// <param name="Source">What is read.</param>
/// <param name="Target">An empty file, or a block device, open until the conversion has ended.</param>
/// <param name="TargetName">What errors call it; its directory is the volume that may be full.</param>
/// <param name="Format">What the target shall be.</param>
/// <param name="Size">Of the disk, in bytes: the limits follow from it.</param>
internal sealed record QemuImgConversion(QemuImgNode Source, SafeFileHandle Target, string TargetName, ImageFormat Format, long Size)
{
    private const long MiB = 1 << 20, GiB = 1 << 30;

    /// <summary>qcow2 alone.</summary>
    public bool Compressed { get; init; }

    /// <summary>Whether the target is there as it shall be, and is written over.</summary>
    public bool InPlace { get; init; }

    /// <summary>An object that the source's tree names; null for none.</summary>
    public string? Credentials { get; init; }

    /// <summary>
    /// Bytes. qemu-img 7.2 was seen with 250 MiB: up to 64 threads with stacks of 2 MiB, and buffers. Tables come on top: of the formats
    /// with the largest ones (VHDX, VDI) 8 bytes for each MiB at the most.
    /// </summary>
    public long AddressSpace { get; init; } = GiB + Size / 65536;

    /// <summary>Seconds. A slow machine compresses 10 MiB in one.</summary>
    public long CpuTime { get; init; } = 300 + Size / (4 * MiB);

    /// <summary>Bytes: a raw disk is as long as it is, elsewhere tables and half-filled blocks come on top.</summary>
    public long FileSize => Format == ImageFormat.Raw ? Size + MiB : Size + Size / 8 + 256 * MiB;

    /// <summary>
    /// Sizes are kept exactly (a VHD's would be rounded to cylinders). Out of order (-W) only where the order on the disk does not
    /// follow that of writing. The cache mode is qemu-img's own, without any fsync: that is ours, once, when all is written.
    /// </summary>
    public string[] Arguments =>
    [
        "convert", "-p", "-m", "8",
        .. InPlace ? ["-n"] : Array.Empty<string>(),
        .. Credentials is { } credentials ? ["--object", credentials] : Array.Empty<string>(),
        "-f", Source.Driver, "-O", Format.QemuDriver(),
        .. Format switch
        {
            ImageFormat.Raw => ["-W"],
            ImageFormat.Qcow2 when Compressed => ["-c"],
            ImageFormat.Vmdk => ["-o", "subformat=streamOptimized"],
            ImageFormat.Vhd => ["-o", "subformat=dynamic,force_size=on"],
            ImageFormat.Vhdx => ["-o", "subformat=dynamic"],
            _ => Array.Empty<string>(),
        },
        Source.FileName, Target.Path,
    ];

    public IEnumerable<string> Limits => QemuImg.Limits(AddressSpace, CpuTime, FileSize);

    /// <summary>What qemu-img writes, with the names that people know.</summary>
    public string Named(string text)
    {
        text = text.Replace(Source.FileName, Source.Name, StringComparison.Ordinal).Replace(Target.Path, TargetName, StringComparison.Ordinal);
        for (var node = Source; node is not null; node = node.Backing)
            text = text.Replace(node.Location, node.Name, StringComparison.Ordinal);
        return text;
    }
}

internal static class QemuImgNames
{
    extension(SafeFileHandle file)
    {
        /// <summary>A path by which a child opens the very file that we have open, whatever its name is by now.</summary>
        public string Path => $"/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}";
    }
}
