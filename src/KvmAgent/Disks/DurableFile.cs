using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Disks;

/// <summary>Files that are there whole or not at all, whatever crashes: written beside, brought to the disk, renamed, the directory brought to the disk.</summary>
internal static class DurableFile
{
    private const string TemporarySuffix = ".tmp";

    /// <param name="mode">Less what the umask takes; null: as the umask has it.</param>
    public static void Write(string path, Action<Stream> write, UnixFileMode? mode = null)
    {
        var temporary = TemporaryFor(path);
        try
        {
            // What a crash has left keeps its own mode.
            File.Delete(temporary);
            using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
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
