using System.Text;
using System.Text.Json;

namespace KvmAgent.Images.Registry;

/// <summary>
/// Users of registries in a file as podman, skopeo and docker write it and as Kubernetes keeps it in a Secret (.dockerconfigjson): <c>auths</c>
/// by host, or by host and the beginning of the repository, the longest first (containers-auth.json(5)). A key with a scheme is an address of
/// docker's and counts for its host; Docker Hub has three names there. Errors name the file and the entry, and nothing of what is in it.
/// </summary>
internal static class RegistryLogin
{
    private const int MostBytes = 1 << 20;

    private static readonly string[] Hub = ["docker.io", "index.docker.io", "registry-1.docker.io"];

    /// <summary>The access with the user that the file has for this repository. Who names one himself means that one.</summary>
    /// <exception cref="ImageException">The file cannot be read or understood.</exception>
    public static SourceAccess AddTo(SourceAccess access, RegistryReference reference)
    {
        if (access is not { RegistryAuthFile: { } file, User: null, BearerToken: null })
            return access;
        using var document = Read(file);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("auths", out var auths) || auths.ValueKind != JsonValueKind.Object)
            throw Wrong(file, "has no object 'auths'");
        return Find(auths, reference) is { } entry && Read(file, entry) is var (user, password) ? access with { User = user, Password = password } : access;
    }

    private static JsonDocument Read(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return stream.Length <= MostBytes ? JsonDocument.Parse(stream) : throw Wrong(file, $"is larger than {MostBytes} bytes");
        }
        catch (JsonException e)
        {
            // Its message may quote what stands there.
            throw Wrong(file, $"is not JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.Settings, $"the registry logins {file} cannot be read: {e.Message}; mount the file, or unset REGISTRY_AUTH_FILE", e);
        }
    }

    private static JsonProperty? Find(JsonElement auths, RegistryReference reference)
    {
        var entries = new Dictionary<string, JsonProperty>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in auths.EnumerateObject().OrderBy(static e => IsAddress(e.Name)))
            entries.TryAdd(Place(entry.Name), entry);
        string[] hosts = Hub.Contains(reference.Server.Host) ? Hub
            : reference.Server.IsDefaultPort ? [reference.Server.Host, $"{reference.Server.Host}:{reference.Server.Port}"]
            : [reference.Server.Authority];
        for (var path = $"/{reference.Repository}"; ; path = path[..path.LastIndexOf('/')])
        {
            foreach (var host in hosts)
                if (entries.TryGetValue(host + path, out var found))
                    return found;
            if (path.Length == 0)
                return null;
        }
    }

    private static bool IsAddress(string key) => key.Contains("://", StringComparison.Ordinal);

    private static string Place(string key) => IsAddress(key) ? key.Split("://", 2)[1].Split('/')[0] : key.TrimEnd('/');

    /// <returns>Null where the entry says that another program has them.</returns>
    private static (string User, string Password)? Read(string file, JsonProperty entry)
    {
        var place = $"auths[\"{entry.Name}\"]";
        if (entry.Value.ValueKind != JsonValueKind.Object)
            throw Wrong(file, $"has at {place} no object");
        if (Text("identitytoken").Length > 0)
            throw Wrong(file, $"has at {place} an identitytoken, which is not supported");
        if (Text("username") is { Length: > 0 } name)
            return (name, Text("password"));
        if (Text("auth") is not { Length: > 0 } auth)
            return null;
        var bytes = new byte[auth.Length];
        // docker fills up with NULs.
        if (Convert.TryFromBase64String(auth, bytes, out var length) && Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\0').Split(':', 2) is [{ Length: > 0 } user, var password])
            return (user, password);
        throw Wrong(file, $"has at {place}.auth no base64 of USER:PASSWORD");

        string Text(string name) => !entry.Value.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null ? ""
            : value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw Wrong(file, $"has at {place}.{name} no text");
    }

    private static ImageException Wrong(string file, string what) => new(ImageFailure.Settings,
        $"the registry logins {file}: the file {what}; write {{\"auths\": {{\"HOST\": {{\"auth\": \"base64 of USER:PASSWORD\"}}}}}}, as `podman login` or `kubectl create secret docker-registry` does");
}
