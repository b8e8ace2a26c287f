namespace KvmAgent.Disks;

/// <summary>
/// Keeps two agents off one VM: a lock file held for as long as the agent lives (flock, so it is gone with the process). Where the
/// volume does not know flock, QEMU's own lock on the disk is the second line.
/// </summary>
internal static class VmLock
{
    /// <summary>EWOULDBLOCK, which flock(2) gives; the runtime keeps errno as HResult.</summary>
    private const int Held = 11;

    /// <param name="path">The lock file.</param>
    /// <param name="what">What is locked, for the error: "the VM's disk /vm/web.qcow2".</param>
    /// <exception cref="AgentException">Another agent holds it.</exception>
    public static IDisposable Take(string path, string what)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new AgentException(
                FailureReason.TryAgain, $"{what} is in use by another agent (lock {path}); stop that one, or wait until it has ended", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Unwritable, $"{path} cannot be written: {e.Message}; mount a writable volume there", e);
        }
    }
}
