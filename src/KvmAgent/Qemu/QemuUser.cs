using KvmAgent.Processes;

namespace KvmAgent.Qemu;

/// <summary>
/// QEMU runs as a user of its own without capabilities: what a guest may break out into. The agent gives it the few files that it needs,
/// and keeps access itself by group 0, as the container's root has no CAP_DAC_OVERRIDE.
/// </summary>
internal static class QemuUser
{
    /// <summary>KubeVirt's qemu user, so that volumes prepared for the one (fsGroup 107) serve the other. It needs no name.</summary>
    public const uint Id = 107;

    private const int ReadBit = 4, WriteBit = 2, ExecuteBit = 1;
    private const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>Lets QEMU open a file, block device or character device, changing its owner (to write) or its group (to read) where it must.</summary>
    /// <exception cref="AgentException">It may not, and cannot be made to.</exception>
    public static void Grant(string path, bool write)
    {
        var wanted = write ? ReadBit | WriteBit : ReadBit;
        if (Native.Stat(path) is not { } file)
        {
            throw new AgentException(FailureReason.Missing, $"{path} is not there");
        }

        CheckWay(path);
        if (file.Allows(Id, [Id], wanted))
        {
            return;
        }

        if (write)
        {
            Give(path, Id, 0, OwnerAndGroup);
        }
        else
        {
            // What QEMU shall only read does not become its own: an owner could make it writable, and others may share it.
            Give(path, file.Owner, Id, File.GetUnixFileMode(path) | UnixFileMode.GroupRead);
        }
    }

    /// <summary>Gives QEMU a file that nobody else may read; the agent can still replace it, as the directory is its own.</summary>
    public static void GiveOwn(string path) => Give(path, Id, Id, UnixFileMode.UserRead | UnixFileMode.UserWrite);

    /// <summary>Every directory above a file must let QEMU pass.</summary>
    private static void CheckWay(string path)
    {
        for (var directory = Path.GetDirectoryName(path); directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (Native.Stat(directory) is { } way && !way.Allows(Id, [Id], ExecuteBit))
            {
                throw new AgentException(
                    FailureReason.Missing, $"{directory} does not let QEMU's user {Id} pass to {path}; chmod o+x it, or give it the group {Id} and chmod g+x it");
            }
        }
    }

    /// <summary>A directory that is QEMU's and the agent's alone; what QEMU makes in it gets the agent's group.</summary>
    public static void MakeDirectory(string path)
    {
        Directory.CreateDirectory(path);
        Give(path, Id, 0, UnixFileMode.SetGroup | OwnerAndGroup | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
    }

    /// <summary>
    /// Changes owner, group and mode. The mode comes in between: the container's root has CAP_CHOWN but not CAP_FOWNER, and may change the mode
    /// of what is its own alone, which a file given away before is not.
    /// </summary>
    private static void Give(string path, uint owner, uint group, UnixFileMode mode)
    {
        if (Native.Chown(path, Native.EffectiveUser(), 0) != 0)
        {
            throw Denied(path, Native.LastError());
        }

        try
        {
            File.SetUnixFileMode(path, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Denied(path, e.Message);
        }

        if (Native.Chown(path, owner, group) != 0)
        {
            throw Denied(path, Native.LastError());
        }
    }

    /// <summary>The command that starts a program as this user: no capability can be had back, by no way.</summary>
    /// <param name="groups">Further groups, such as that of /dev/kvm.</param>
    /// <param name="program">Looked up in PATH.</param>
    /// <param name="arguments">Passed as they are.</param>
    public static (string Program, IReadOnlyList<string> Arguments) Command(
        IReadOnlyCollection<uint> groups, string program, IEnumerable<string> arguments) =>
        ("setpriv",
        [
            "--reuid", $"{Id}", "--regid", $"{Id}",
            .. groups.Count > 0 ? (string[])["--groups", string.Join(',', groups)] : ["--clear-groups"],
            "--inh-caps", "-all", "--ambient-caps", "-all", "--no-new-privs",
            "--", Children.Find(program), .. arguments,
        ]);

    private static AgentException Denied(string path, string why) => new(
        FailureReason.Missing,
        $"{path} cannot be opened by QEMU's user {Id}, and its owner cannot be changed: {why}; chown it to {Id}, or give it the group {Id} and let that read it (and write a disk of the VM's own)");
}
