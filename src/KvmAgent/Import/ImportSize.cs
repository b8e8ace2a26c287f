namespace KvmAgent.Import;

/// <summary>How large an importer pod makes a disk in a file, as CDI does (GetUsableSpace, ResizeImage).</summary>
internal static class ImportSize
{
    private const long Alignment = 1 << 20;

    /// <summary>
    /// The claim's size is what a volume has, and the disk is to leave room for the file system's own needs. That share bounds how far a
    /// disk is grown, and refuses none: an image that fits into what is free is taken with its own size.
    /// </summary>
    /// <param name="wanted">IMPORTER_IMAGE_SIZE, in bytes.</param>
    /// <param name="overhead">FILESYSTEM_OVERHEAD.</param>
    /// <param name="free">What the volume has free, in bytes.</param>
    /// <returns>How large the disk shall be, null for the image's size; and how large an image's may be.</returns>
    public static (long? Size, long Most) For(long? wanted, decimal overhead, long free)
    {
        var available = Math.Min(free, wanted ?? long.MaxValue);
        var usable = (long)decimal.Ceiling(available / (1 + overhead));
        // Of a very small volume there would be nothing left.
        var size = usable < Alignment ? usable : usable / Alignment * Alignment;
        return (wanted is null ? null : size, available);
    }
}
