using KvmAgent.Images.Import;

namespace KvmAgent.Images;

/// <summary>A raw disk of zeroes.</summary>
public static class BlankDisk
{
    /// <param name="target">A block device, all of which is zeroed, or the file that shall be made; one that is there is replaced.</param>
    /// <param name="size">Of a file, in bytes.</param>
    /// <param name="preallocate">Have the volume give all of the room at once.</param>
    /// <exception cref="ImageException">It cannot be written, or has no room.</exception>
    public static void Create(string target, long size, bool preallocate)
    {
        using var disk = RawTarget.Create(target, size);
        if (preallocate)
            disk.Preallocate();
        disk.Complete();
    }
}
