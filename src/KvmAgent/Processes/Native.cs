using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Processes;

/// <summary>The few system calls that the base class library does not have. All return -1 with errno on failure.</summary>
internal static partial class Native
{
    public const int SigTerm = 15;
    public const int SigKill = 9;
    public const int ErrnoPerm = 1;
    public const int ErrnoNoProcess = 3;
    public const int WaitNoHang = 1;
    public const int SetChildSubreaper = 36;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int WaitPid(int pid, out int status, int options);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int Prctl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport("libc", EntryPoint = "umask")]
    public static partial uint Umask(uint mask);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Chown(string path, uint owner, uint group);

    [LibraryImport("libc", EntryPoint = "mknod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mknod(string path, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(SafeFileHandle handle, nuint request, nuint argument);

    /// <summary>Who may do what with a file.</summary>
    /// <returns>Null where there is no such file.</returns>
    public static unsafe FileAccessInfo? Stat(string path)
    {
        // struct statx: stx_uid at 20, stx_gid at 24, stx_mode at 28, stx_rdev_major and _minor at 128 (include/uapi/linux/stat.h).
        const int currentDirectory = -100, basicStats = 0x7ff;
        var buffer = stackalloc byte[256];
        if (Statx(currentDirectory, path, 0, basicStats, buffer) != 0)
        {
            return null;
        }

        return new FileAccessInfo(*(uint*)(buffer + 20), *(uint*)(buffer + 24), *(ushort*)(buffer + 28));
    }

    /// <summary>Opens a directory so that its entries can be brought to the disk; the runtime opens only files.</summary>
    public static SafeFileHandle OpenDirectory(string path)
    {
        const int readOnly = 0, directory = 0x10000, closeOnExec = 0x80000;
        var handle = new SafeFileHandle(Open(path, readOnly | directory | closeOnExec), ownsHandle: true);
        return handle.IsInvalid ? throw new IOException($"{path} cannot be opened: {LastError()}") : handle;
    }

    /// <summary>The text of the last call's errno.</summary>
    public static string LastError() => Marshal.GetLastPInvokeErrorMessage();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int directory, string path, int flags, uint mask, byte* result);
}

/// <summary>A file's owner, group and mode bits (type included, as in <c>st_mode</c>).</summary>
internal readonly record struct FileAccessInfo(uint Owner, uint Group, ushort Mode)
{
    private const int TypeMask = 0xF000, BlockDevice = 0x6000, Regular = 0x8000;

    public bool IsBlockDevice => (Mode & TypeMask) == BlockDevice;

    public bool IsRegularFile => (Mode & TypeMask) == Regular;

    /// <summary>Whether the mode bits let this user have all of <paramref name="wanted"/> (4 read, 2 write, 1 execute).</summary>
    public bool Allows(uint user, IReadOnlyCollection<uint> groups, int wanted)
    {
        var shift = user == Owner ? 6 : groups.Contains(Group) ? 3 : 0;
        return ((Mode >> shift) & wanted) == wanted;
    }
}
