using KvmAgent.Disks;
using KvmAgent.Qemu;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>RUN_DIR and the locks: one agent for each RUN_DIR and for each VM's disk.</summary>
internal static class RunDirectory
{
    private const UnixFileMode EverybodyPasses =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public static string QemuRecord(VmSettings settings) => Path.Combine(settings.RunDir, "qemu.pid");

    /// <exception cref="AgentException">It cannot be made, or another agent is at work here.</exception>
    public static void Prepare(VmSettings settings, UndoStack undo)
    {
        Make(settings.RunDir);
        Make(settings.VmDir);
        var run = VmLock.Take(Path.Combine(settings.RunDir, "lock"), $"the run directory {settings.RunDir}");
        undo.Push("the lock on RUN_DIR", run.Dispose);
        var disk = VmLock.Take(Path.Combine(settings.VmDir, $"{settings.Name}.lock"), $"the disk of the VM {settings.Name} in {settings.VmDir}");
        undo.Push("the lock on the VM's disk", disk.Dispose);
        var sockets = new QemuSockets(settings.RunDir).Directory;
        undo.Push("QEMU's sockets", () => Directory.Delete(sockets, recursive: true));
        QemuUser.MakeDirectory(sockets);
        foreach (var leftover in Directory.EnumerateFiles(sockets))
        {
            File.Delete(leftover);
        }
    }

    /// <summary>QEMU's user passes through these, whatever the umask.</summary>
    private static void Make(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, EverybodyPasses);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Unwritable, $"{path} cannot be made: {e.Message}; mount a writable volume there", e);
        }
    }
}
