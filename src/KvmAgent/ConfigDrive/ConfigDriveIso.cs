using KvmAgent.ConfigDrive.Iso;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// Puts the tree into an ISO file. It may hold secrets, so only its owner may read it; it is made beside its final name and renamed,
/// so that nobody sees half of it. An agent that was killed leaves at most that one file beside, which the next start replaces.
/// </summary>
internal static class ConfigDriveIso
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <param name="tree">What to write.</param>
    /// <param name="destination">The file's final name; one that is there is replaced.</param>
    /// <param name="prepare">Gets the finished file's temporary name before it is renamed: the place to give it to QEMU's user.</param>
    /// <param name="cancel">Stops it; nothing is left then.</param>
    /// <exception cref="AgentException">It cannot be written.</exception>
    public static async Task WriteAsync(
        ConfigDriveTree tree, string destination, Action<string>? prepare = null, CancellationToken cancel = default)
    {
        var temporary = destination + ".new";
        try
        {
            File.Delete(temporary);

            // CreateNew follows no link that another user of the directory might have put there.
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 };
            var file = new FileStream(temporary, options);
            await using (file.ConfigureAwait(false))
            {
                await IsoImage.WriteAsync(file, tree.Label, tree.Files, cancel).ConfigureAwait(false);
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
                throw new AgentException(FailureReason.Unwritable, $"cannot write the config drive {destination}: {e.Message}", e);
            }

            throw;
        }
    }
}
