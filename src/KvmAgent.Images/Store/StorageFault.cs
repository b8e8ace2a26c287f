namespace KvmAgent.Images.Store;

/// <summary>Turns what the system says about the volume into what a person can act on.</summary>
internal static class StorageFault
{
    public static ImageException From(Exception e, string path) => e.HResult switch
    {
        Libc.NoSpace or Libc.OverQuota => new(ImageFailure.NoSpace,
            $"the volume of {path} is full ({Free(path)} bytes free); make room or enlarge it", e),
        Libc.TooLarge => new(ImageFailure.NoSpace,
            $"{path} grows larger than its file system or a file-size limit allows", e),
        _ => new(ImageFailure.Unwritable, $"{path} cannot be read or written: {e.Message}; check the volume and its permissions", e),
    };

    /// <summary>Does what touches a volume.</summary>
    /// <exception cref="ImageException">The volume is full, or cannot be read or written.</exception>
    public static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw From(e, path);
        }
    }

    /// <summary>Fails before the first byte is written, when the size is known and does not fit.</summary>
    public static void DemandSpace(string directory, long need, string what)
    {
        var free = Free(directory);
        if (need > free)
            throw new ImageException(ImageFailure.NoSpace,
                $"{directory} has {free} bytes free, but {what} needs {need}; make room or enlarge the volume");
    }

    public static bool HasSpace(string directory, long need) => Free(directory) >= need;

    /// <summary>The volume of a path, full or empty, in bytes: no file there can hold more.</summary>
    public static long VolumeSize(string path) => Volume(path).TotalSize;

    private static long Free(string path) => Volume(path).AvailableFreeSpace;

    private static DriveInfo Volume(string path) => new(Directory.Exists(path) ? path : Path.GetDirectoryName(path)!);
}
