using System.Text;
using KvmAgent.Disks;
using KvmAgent.Settings;

namespace KvmAgent.Link;

/// <summary>
/// The VM's own token, where its coordinator gives it one: kept in VM_DIR beside the disk, since it belongs to the VM and not to the
/// container. It is shown before the one of COORDINATOR_TOKEN_FILE, which all VMs of such a coordinator share and which is good for getting one's own.
/// </summary>
internal sealed class Enrolment(VmSettings settings)
{
    /// <summary>Outside of Kubernetes nobody says in which namespace a VM is.</summary>
    private const string UsualNamespace = "default";

    private readonly Lock _gate = new();
    private readonly string _path = PathOf(settings);

    /// <summary>The VM's, for the coordinator. The ids of its hardware come from what was set alone.</summary>
    public string Namespace { get; } = settings.Namespace.Length > 0 ? settings.Namespace : UsualNamespace;

    private string Vm => $"{Namespace}/{settings.Name}";

    public static string PathOf(VmSettings settings) => Path.Combine(settings.VmDir, $"{settings.Name}.token");

    /// <returns>Null where there is none, or it is that of a VM of another name: that one's disk was copied, or it was renamed.</returns>
    public string? ReadToken()
    {
        try
        {
            return File.ReadAllText(_path).Trim().Split(' ') is [var vm, var token] && vm == Vm ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Keep(string token)
    {
        if (!token.All(static c => c is > ' ' and <= '~'))
        {
            throw new IOException("the coordinator gives a token that is none");
        }

        try
        {
            lock (_gate)
            {
                DurableFile.Write(_path, file => file.Write(Encoding.ASCII.GetBytes($"{Vm} {token}\n")), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"the VM's token cannot be kept in {_path}: {e.Message}", e);
        }
    }
}
