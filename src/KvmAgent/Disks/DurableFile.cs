using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Disks;

/// <summary>Files that are there whole or not at all, whatever crashes: written beside, brought to the disk, renamed, the directory brought to the disk.</summary>
internal static class DurableFile
{
    private const string TemporarySuffix = ".tmp";

    public static void Write(string path, Action<Stream> write)
    {
        var temporary = TemporaryFor(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                write(stream);
            }

            Publish(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Where to write what <see cref="Publish"/> shall put at <paramref name="path"/>. One writer at a time: its caller holds the VM's lock.</summary>
    public static string TemporaryFor(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}{TemporarySuffix}");

    public static void Publish(string temporary, string path)
    {
        Flush(temporary);
        File.Move(temporary, path, overwrite: true);
        Flush(Path.GetDirectoryName(path)!);
    }

    private static void Flush(string path)
    {
        using SafeFileHandle handle = Directory.Exists(path) ? Processes.Native.OpenDirectory(path) : File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }
}
