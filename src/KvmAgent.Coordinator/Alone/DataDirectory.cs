namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// Where a coordinator without a cluster keeps everything:
///
///     coordinator.db      what it knows
///     records.db          jobs, image builds, the history of events
///     ca.key, tls.crt …   its certificates
///     kubeconfig          for people: kubectl and virtctl
///     kvmctl.json         for people: kvmctl
///     agents/             for agents: ca.crt and token. Mounted into their containers as a whole
///     lock                held while a coordinator runs
///
/// Nobody but its owner passes through it, so that what is in <c>agents/</c> may be readable for everybody who has it mounted: the
/// root of a container is not the owner, and need not have the capability to read all the same.
/// </summary>
internal sealed class DataDirectory(string path)
{
    public const UnixFileMode OwnerReads = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        AllRead = OwnerReads | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode OwnerPasses = OwnerReads | UnixFileMode.UserExecute,
        AllPass = OwnerPasses | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>EWOULDBLOCK, which flock(2) gives; the runtime keeps errno as HResult.</summary>
    private const int Held = 11;

    public string FullPath => path;

    public string Database => Path.Combine(path, "coordinator.db");

    public string Records => Path.Combine(path, "records.db");

    public string Kubeconfig => Path.Combine(path, "kubeconfig");

    public string Login => Path.Combine(path, "kvmctl.json");

    public string Agents => Path.Combine(path, "agents");

    public string AgentToken => Path.Combine(Agents, "token");

    public string AgentAuthority => Path.Combine(Agents, "ca.crt");

    private string Lock => Path.Combine(path, "lock");

    public string At(string name) => Path.Combine(path, name);

    /// <summary>Makes it where it is not there, and keeps a second coordinator off it.</summary>
    /// <returns>To be disposed of at the end.</returns>
    /// <exception cref="CoordinatorException">It cannot be written, or another coordinator uses it.</exception>
    public IDisposable Open()
    {
        try
        {
            Directory.CreateDirectory(path, OwnerPasses);
            // One that was there already has been made by somebody who may not have known what would be in it.
            File.SetUnixFileMode(path, OwnerPasses);
            Directory.CreateDirectory(Agents);
            File.SetUnixFileMode(Agents, AllPass);
            return new FileStream(Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new CoordinatorException(
                FailureReason.Conflict, $"another kvm-coordinator uses {path} (lock {Lock}); stop that one, or set {AloneSetting.DataDir.Name} to another directory", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>A file that is there whole or not at all.</summary>
    /// <exception cref="CoordinatorException">It cannot be written.</exception>
    public void Write(string file, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = file + ".new";
        try
        {
            // The mode holds for a file that is made, and not for one that a crash has left.
            File.Delete(temporary);
            using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerReads }))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.SetUnixFileMode(temporary, mode);
            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    /// <returns>Null where it is not there, or cannot be read: then it is made anew.</returns>
    public static string? TryRead(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private CoordinatorException Unwritable(Exception e) => new(
        FailureReason.Settings, $"{AloneSetting.DataDir.Name}=\"{path}\" cannot be written: {e.Message}; set it to a directory that is the coordinator's own", e);
}
