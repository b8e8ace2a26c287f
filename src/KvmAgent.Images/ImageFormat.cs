namespace KvmAgent.Images;

/// <summary>The formats that are understood; everything else is refused by name.</summary>
public enum ImageFormat
{
    Raw,
    Qcow2,
    Iso,
    Vmdk,
    Vdi,
    Vhd,
    Vhdx,
}

public static class ImageFormatNames
{
    /// <summary>What a guest may have as it is, as a disk or a CD-ROM; the others have to be converted first.</summary>
    public static IReadOnlyCollection<ImageFormat> ForGuests { get; } = [ImageFormat.Raw, ImageFormat.Qcow2, ImageFormat.Iso];

    public static IReadOnlyCollection<ImageFormat> All { get; } = Enum.GetValues<ImageFormat>();

    /// <summary>The lower-case name.</summary>
    public static string Name(this ImageFormat format) => format switch
    {
        ImageFormat.Raw => "raw",
        ImageFormat.Qcow2 => "qcow2",
        ImageFormat.Iso => "iso",
        ImageFormat.Vmdk => "vmdk",
        ImageFormat.Vdi => "vdi",
        ImageFormat.Vhd => "vhd",
        ImageFormat.Vhdx => "vhdx",
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, null),
    };

    /// <summary>QEMU's driver for it.</summary>
    public static string QemuDriver(this ImageFormat format) => format switch
    {
        ImageFormat.Iso => "raw",
        ImageFormat.Vhd => "vpc",
        _ => format.Name(),
    };
}
