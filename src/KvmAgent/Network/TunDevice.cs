using KvmAgent.Processes;

namespace KvmAgent.Network;

/// <summary>/dev/net/tun, which a container runtime gives, or lets us make, or denies (runc 1.2 denied it for a while).</summary>
internal static class TunDevice
{
    private const uint CharacterDevice = 0x2000, ReadWriteForAll = 0x1b6;
    private const ulong Tun = (10 << 8) | 200;

    private const UnixFileMode EverybodyPasses =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const string Remedy =
        "give it to the container (a hostPath volume of type CharDevice, or a device plugin's resource for tun), or run it privileged";

    /// <summary>Makes the device where it is missing and may be made, and opens it once: the device cgroup denies only then.</summary>
    public static void Ensure(HostPaths paths)
    {
        if (!File.Exists(paths.Tun))
        {
            MakeDirectory(Path.GetDirectoryName(paths.Tun)!);
            if (Native.Mknod(paths.Tun, CharacterDevice | ReadWriteForAll, Tun) != 0)
            {
                throw new AgentException(FailureReason.Missing, $"{paths.Tun} is missing and cannot be made ({Native.LastError()}): {Remedy}");
            }

            File.SetUnixFileMode(paths.Tun, (UnixFileMode)ReadWriteForAll); // past the umask: QEMU opens it as a user of its own
        }

        Open(paths);
    }

    /// <summary>A container has no /dev/net. QEMU passes through it as a user of its own, whatever the umask.</summary>
    private static void MakeDirectory(string path)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, EverybodyPasses);
        }
    }

    private static void Open(HostPaths paths)
    {
        try
        {
            using var handle = File.OpenHandle(paths.Tun, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Missing, $"{paths.Tun} cannot be opened ({e.Message}): {Remedy}", e);
        }
    }
}
