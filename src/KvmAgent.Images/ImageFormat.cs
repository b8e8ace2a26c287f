namespace KvmAgent.Images;

/// <summary>The formats that may become a disk or a CD-ROM; everything else is refused by name.</summary>
public enum ImageFormat
{
    Raw,
    Qcow2,
    Iso,
}

public static class ImageFormatNames
{
    /// <summary>The lower-case name, which for raw and qcow2 is QEMU's driver as well.</summary>
    public static string Name(this ImageFormat format) => format switch
    {
        ImageFormat.Raw => "raw",
        ImageFormat.Qcow2 => "qcow2",
        ImageFormat.Iso => "iso",
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, null),
    };
}
