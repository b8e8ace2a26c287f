using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Cli.Login;

/// <summary>Where the coordinator is and how one is known there: <c>kvmctl.json</c>, which `kvmctl login` writes, and a coordinator alone as well.</summary>
/// <param name="Server">Of the management API: <c>https://vms.example.org</c>.</param>
internal sealed record LoginFile(string Server)
{
    public const UnixFileMode OwnerReads = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>PEM, of those that are trusted; null: the system's.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>In its certificate, where it is not the address's host, as behind a port-forward.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Null: that of the kubeconfig's user, asked for each time.</summary>
    public string? Token { get; init; }

    /// <summary>Null: KUBECONFIG, or the usual one.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>Null: the kubeconfig's current one.</summary>
    public string? Context { get; init; }

    /// <summary>By the XDG base directory specification, or where KVMCTL_CONFIG says.</summary>
    /// <exception cref="CliException">There is no home to have it in.</exception>
    public static string Path(IReadOnlyDictionary<string, string> environment)
    {
        if (environment.GetValueOrDefault("KVMCTL_CONFIG") is { Length: > 0 } given)
        {
            return given;
        }

        var home = environment.GetValueOrDefault("XDG_CONFIG_HOME") is { Length: > 0 } xdg && System.IO.Path.IsPathFullyQualified(xdg) ? xdg
            : environment.GetValueOrDefault("HOME") is { Length: > 0 } own ? System.IO.Path.Combine(own, ".config")
            : throw new CliException(ExitCodes.Usage, "neither KVMCTL_CONFIG nor HOME is set; set KVMCTL_CONFIG to a file that is yours");
        return System.IO.Path.Combine(home, "kvmctl", "kvmctl.json");
    }

    /// <returns>Null where nobody has logged in.</returns>
    /// <exception cref="CliException">It cannot be read, or makes no sense.</exception>
    public static LoginFile? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), LoginJson.Default.LoginFile) is { Server.Length: > 0 } login ? login
                : throw new CliException(ExitCodes.Data, $"{path} names no server; run `kvmctl login URL` again");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CliException(ExitCodes.Data, $"{path} cannot be read: {e.Message}; run `kvmctl login URL` again", e);
        }
    }

    /// <summary>Whole or not at all, and for nobody else to read.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    public void Write(string path)
    {
        var temporary = $"{path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            File.Delete(temporary);
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerReads }))
            {
                JsonSerializer.Serialize(file, this, LoginJson.Default.LoginFile);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.CannotCreate, $"{path} cannot be written: {e.Message}; set KVMCTL_CONFIG to a file that is yours", e);
        }
    }
}

[JsonSerializable(typeof(LoginFile))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
internal sealed partial class LoginJson : JsonSerializerContext;
