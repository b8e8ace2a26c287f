using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Store;

/// <summary>The few system calls that the base class library does not have.</summary>
internal static partial class Libc
{
    public const int NotPermitted = 1, NotFound = 2, Exists = 17, Invalid = 22, TooLarge = 27, NoSpace = 28, IllegalSeek = 29,
        ReadOnly = 30, TooManyLinks = 31, NotImplemented = 38, NotSupported = 95, Stale = 116, OverQuota = 122;

    private const int AtWorkingDirectory = -100;
    private const uint NoReplace = 1;
    private const int CloseOnExec = 0x80000;
    private const uint TypeMask = 0xf000, RegularFile = 0x8000, BlockDevice = 0x6000;
    private const int KeepSize = 1, PunchHole = 2, ZeroRange = 16;
    private const int Sync = 7, SyncStart = 2;
    private const nuint GetDeviceSize = 0x8008_1272; // BLKGETSIZE64

    public static int Link(string from, string to) => LinkCall(from, to) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Renames unless the target exists.</summary>
    public static int RenameNew(string from, string to) =>
        RenameAt2(AtWorkingDirectory, from, AtWorkingDirectory, to, NoReplace) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Brings a directory's entries to the disk. A file system that cannot says so, and is left alone (as FlushToDisk does).</summary>
    public static void SyncDirectory(string path)
    {
        using var directory = Open(path, CloseOnExec);
        if (directory.IsInvalid)
            throw new IOException(Marshal.GetLastPInvokeErrorMessage(), Marshal.GetLastPInvokeError());
        RandomAccess.FlushToDisk(directory);
    }

    /// <summary>What a path (links followed) is, and the bytes it occupies; null where there is none.</summary>
    public static FileStat? Stat(string path)
    {
        // struct statx is the same on every architecture: stx_mode at 28, stx_blocks (of 512 bytes) at 48.
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(AtWorkingDirectory, path, 0, 0x7ff, ref buffer[0]) != 0)
            return Marshal.GetLastPInvokeError() == NotFound ? null
                : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());
        var mode = MemoryMarshal.Read<ushort>(buffer[28..]);
        return new FileStat((mode & TypeMask) == RegularFile, (mode & TypeMask) == BlockDevice, MemoryMarshal.Read<long>(buffer[48..]) * 512);
    }

    /// <summary>A block device's size in bytes.</summary>
    public static long DeviceSize(SafeFileHandle device)
    {
        var size = 0L;
        return Ioctl(device, GetDeviceSize, ref size) == 0 ? size : throw LastError();
    }

    /// <summary>Makes a range of a block device read as zeroes: by discarding where the device then promises zeroes, else by writing them.</summary>
    public static void Zero(SafeFileHandle device, long offset, long length)
    {
        if (Fallocate(device, PunchHole | KeepSize, offset, length) != 0 && Fallocate(device, ZeroRange | KeepSize, offset, length) != 0)
            throw LastError();
    }

    /// <summary>Gives a file its room, from its beginning to so many bytes; what is not written stays zeroes.</summary>
    public static void Allocate(SafeFileHandle file, long length)
    {
        if (Fallocate(file, 0, 0, length) != 0)
            throw LastError();
    }

    /// <summary>Has the kernel begin to write a range to the disk. No promise of durability: that is fsync's.</summary>
    public static void StartWriting(SafeFileHandle file, long offset, long length) => SyncRange(file, offset, length, SyncStart);

    /// <summary>Waits until a range is written.</summary>
    public static void WaitForWriting(SafeFileHandle file, long offset, long length) => SyncRange(file, offset, length, Sync);

    private static void SyncRange(SafeFileHandle file, long offset, long length, int what)
    {
        if (SyncFileRange(file, offset, length, (uint)what) != 0 && Marshal.GetLastPInvokeError() is not (Invalid or NotImplemented or IllegalSeek))
            throw LastError();
    }

    private static IOException LastError() => new(Marshal.GetLastPInvokeErrorMessage(), Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkCall(string from, string to);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int fromDirectory, string from, int toDirectory, string to, uint flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(SafeFileHandle file, nuint request, ref long value);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRange(SafeFileHandle file, long offset, long length, uint flags);
}

internal readonly record struct FileStat(bool IsRegular, bool IsBlockDevice, long Allocated);
