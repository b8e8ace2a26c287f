using System.Security.Cryptography;
using System.Text;
using KvmAgent.Coordinator.Alone.Store;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// The key of what is encrypted, in a file of its own: 32 bytes in base64. It is never beside the data, so that a copy of those is none of it;
/// it is made when something is first encrypted.
/// </summary>
/// <param name="path">Null: it is not known where.</param>
internal sealed class KeyFile(string? path, string dataDirectory)
{
    private const UnixFileMode OwnerPasses = DataDirectory.OwnerReads | UnixFileMode.UserExecute;

    /// <summary>Whether a file would be among the data, whatever links lead there.</summary>
    public static bool IsWithin(string file, string directory) => (Real(file) + "/").StartsWith(Real(directory).TrimEnd('/') + "/", StringComparison.Ordinal);

    /// <returns>Null where there is no key yet.</returns>
    /// <exception cref="CoordinatorException">It cannot be used.</exception>
    public SecretBox? Open()
    {
        if (path is null)
        {
            throw new CoordinatorException(FailureReason.Settings, $"{AloneSetting.KeyFile.Name} is not set, and neither is HOME; set it to a file outside of {AloneSetting.DataDir.Name}");
        }

        if (IsWithin(path, dataDirectory))
        {
            throw new CoordinatorException(FailureReason.Settings, Within(path, dataDirectory));
        }

        try
        {
            var key = Convert.FromBase64String(File.ReadAllText(path).Trim());
            return key.Length == SecretBox.KeyBytes ? new SecretBox(key) : throw new FormatException($"it has {key.Length} bytes");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (FormatException)
        {
            throw new CoordinatorException(FailureReason.Data, $"{AloneSetting.KeyFile.Name}=\"{path}\" holds no key of {SecretBox.KeyBytes} bytes in base64; put back the one that was there, or name another file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CoordinatorException(FailureReason.Data, $"{AloneSetting.KeyFile.Name}=\"{path}\" cannot be read: {e.Message}; let the coordinator read it", e);
        }
    }

    /// <summary>Where there is none.</summary>
    /// <exception cref="CoordinatorException">It cannot be written, or somebody else has just written one.</exception>
    public SecretBox Make()
    {
        var key = RandomNumberGenerator.GetBytes(SecretBox.KeyBytes);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path!)!, OwnerPasses);
            using var file = new FileStream(path!, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DataDirectory.OwnerReads });
            file.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(key) + "\n"));
            file.Flush(flushToDisk: true);
            return new SecretBox(key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CoordinatorException(FailureReason.Unavailable, $"{AloneSetting.KeyFile.Name}=\"{path}\" cannot be written: {e.Message}; name a file that can", e);
        }
    }

    /// <summary>For the reader of settings, too.</summary>
    public static string Within(string file, string directory) =>
        $"{AloneSetting.KeyFile.Name}=\"{file}\" is inside of {AloneSetting.DataDir.Name}=\"{directory}\", and so a copy of the data would be one of the key; name a file elsewhere";

    public override string ToString() => $"{AloneSetting.KeyFile.Name}=\"{path}\"";

    /// <summary>With no link in it, as far as it is there.</summary>
    private static string Real(string path)
    {
        var real = "/";
        foreach (var part in Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(real, part);
            var info = new FileInfo(next);
            real = info.LinkTarget is null ? next : Target(info);
        }

        return real;
    }

    private static string Target(FileInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? link.FullName;
        }
        catch (IOException)
        {
            // In a circle: nothing will be read there.
            return link.FullName;
        }
    }
}
