using System.Runtime.InteropServices;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Import;

internal enum EntryKind
{
    None,
    File,
    Directory,
    Other,
}

/// <summary>A directory that was opened. Names in it are single components, and a symbolic link is never followed.</summary>
internal sealed partial class OpenDirectory : IDisposable
{
    private const int AtWorkingDirectory = -100;
    private const int WriteOnly = 1, MakeNew = 0xc0, CloseOnExec = 0x80000; // O_CREAT | O_EXCL
    private const int RemoveDirectory = 0x200, NoFollowAt = 0x100, Omit = 0x3ffffffe, EmptyPath = 0x1000;
    private const int NotDirectory = 20, LinkLoop = 40;

    // The two flags whose values are not the same everywhere.
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
    private static readonly int DirectoryOnly = IsArm ? 0x4000 : 0x10000;
    private static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    private readonly SafeFileHandle _handle;

    private OpenDirectory(SafeFileHandle handle) => _handle = handle;

    /// <summary>Opens a directory where the caller says it is; links in that path are the caller's own.</summary>
    public static OpenDirectory At(string path)
    {
        var handle = OpenAt(AtWorkingDirectory, path, DirectoryOnly | CloseOnExec, 0);
        return handle.IsInvalid ? throw LastError(path) : new OpenDirectory(handle);
    }

    /// <returns>Null where the name is not, or is no directory; also a link to one.</returns>
    public OpenDirectory? Child(string name)
    {
        var handle = OpenAt(Number, name, DirectoryOnly | NoFollow | CloseOnExec, 0);
        if (!handle.IsInvalid)
            return new OpenDirectory(handle);
        return Marshal.GetLastPInvokeError() is Libc.NotFound or NotDirectory or LinkLoop ? null : throw LastError(name);
    }

    /// <summary>What a name is; links are <see cref="EntryKind.Other"/>.</summary>
    public EntryKind Kind(string name)
    {
        Span<byte> stat = stackalloc byte[256];
        if (Statx(Number, name, NoFollowAt, 0x7ff, ref stat[0]) != 0)
            return Marshal.GetLastPInvokeError() == Libc.NotFound ? EntryKind.None : throw LastError(name);
        return (MemoryMarshal.Read<ushort>(stat[28..]) & 0xf000) switch
        {
            0x8000 => EntryKind.File,
            0x4000 => EntryKind.Directory,
            _ => EntryKind.Other,
        };
    }

    /// <summary>When it was last changed, in seconds since 1970 and nanoseconds.</summary>
    public (long Seconds, long Nanoseconds) Modified()
    {
        Span<byte> stat = stackalloc byte[256]; // struct statx: stx_mtime at 112
        if (Statx(Number, "", EmptyPath, 0x7ff, ref stat[0]) != 0)
            throw LastError("a directory");
        return (MemoryMarshal.Read<long>(stat[112..]), MemoryMarshal.Read<uint>(stat[120..]));
    }

    /// <summary>Makes a directory; for others it is not there before its mode is set.</summary>
    public void Make(string name) => Check(MakeDirectoryAt(Number, name, 0x1c0), name);

    /// <summary>Makes a file; the name must be free.</summary>
    public SafeFileHandle Create(string name)
    {
        var handle = OpenAt(Number, name, WriteOnly | MakeNew | NoFollow | CloseOnExec, 0x180);
        return handle.IsInvalid ? throw LastError(name) : handle;
    }

    public void Remove(string name) => Check(UnlinkAt(Number, name, 0), name);

    /// <summary>Removes a name with all that is below it.</summary>
    public void RemoveTree(string name, int depth = ArchiveTree.Deepest * 2)
    {
        if (Child(name) is not { } directory)
        {
            if (Kind(name) != EntryKind.None)
                Remove(name);
            return;
        }
        using (directory)
        {
            if (depth == 0)
                throw new IOException($"{name} is too many directories deep to be removed");
            foreach (var child in directory.Names())
                directory.RemoveTree(child, depth - 1);
        }
        Check(UnlinkAt(Number, name, RemoveDirectory), name);
    }

    /// <summary>Moves an entry; a file takes the place of what is no directory.</summary>
    public void Move(string name, OpenDirectory to) => Check(RenameAt(Number, name, to.Number, name), name);

    /// <summary>All names, as they are now.</summary>
    public string[] Names() => [.. Directory.EnumerateFileSystemEntries($"/proc/self/fd/{Number}").Select(path => Path.GetFileName(path)!)];

    public void SetMode(int mode) => SetMode(_handle, mode);

    public void SetModified((long Seconds, long Nanoseconds) time) => SetModified(_handle, time);

    public static void SetMode(SafeFileHandle file, int mode) => Check(ChangeMode(file, (uint)mode), "a file");

    public static void SetModified(SafeFileHandle file, (long Seconds, long Nanoseconds) time)
    {
        ReadOnlySpan<long> times = [0, Omit, time.Seconds, time.Nanoseconds];
        Check(SetTimes(file, in times[0]), "a file");
    }

    /// <summary>Brings all of the file system to the disk.</summary>
    public void SyncFileSystem() => Check(SyncFs(_handle), "the volume");

    public void Dispose() => _handle.Dispose();

    private int Number => (int)_handle.DangerousGetHandle();

    private static void Check(int result, string name)
    {
        if (result != 0)
            throw LastError(name);
    }

    private static IOException LastError(string name) => new($"{name}: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenAt(int directory, string name, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectoryAt(int directory, string name, uint mode);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(int directory, string name, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(int directory, string name, int toDirectory, string toName);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(SafeFileHandle file, uint mode);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    private static partial int SetTimes(SafeFileHandle file, in long times);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(SafeFileHandle file);
}
