using KvmAgent.ConfigDrive.Iso;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// Puts a tree, the config drive's or that of a disk made of files, into an ISO file. It may hold secrets, so only its owner may read it; it is made beside its final name and renamed,
/// so that nobody sees half of it. An agent that was killed leaves at most that one file beside, which the next start replaces.
/// Small local files are read and written without async: at a start, each async method costs more than the writing does.
/// </summary>
internal static class ConfigDriveIso
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <param name="tree">What to write.</param>
    /// <param name="destination">The file's final name; one that is there is replaced.</param>
    /// <param name="prepare">Gets the finished file's temporary name before it is renamed: the place to give it to QEMU's user.</param>
    /// <exception cref="AgentException">It cannot be written.</exception>
    public static void Write(ConfigDriveTree tree, string destination, Action<string>? prepare = null)
    {
        var temporary = destination + ".new";
        try
        {
            File.Delete(temporary);

            // CreateNew follows no link that another user of the directory might have put there.
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 };
            using (var file = new FileStream(temporary, options))
            {
                IsoImage.Write(file, tree.Label, tree.Files);
            }

            prepare?.Invoke(temporary);
            File.Move(temporary, destination, overwrite: true);
        }
        catch (Exception e)
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }

            if (e is IOException or UnauthorizedAccessException)
            {
                throw new AgentException(FailureReason.Unwritable, $"cannot write the drive {destination}: {e.Message}", e);
            }

            throw;
        }
    }
}
