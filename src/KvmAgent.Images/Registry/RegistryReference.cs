using System.Buffers;
using KvmAgent.Images.Fetch;

namespace KvmAgent.Images.Registry;

/// <summary>
/// <c>docker://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]</c>, <c>oci://</c> the same; without tag and digest it is the tag <c>latest</c>. Plain
/// http is spoken only to <c>docker+http://</c> and <c>oci+http://</c>: nothing falls down to it.
/// </summary>
internal sealed record RegistryReference(string Shown, Uri Server, string Repository, string? Tag, Checksum? Digest)
{
    private const int LongestRepository = 255, LongestTag = 128;

    private static readonly (string Scheme, string Http)[] Schemes =
        [("docker://", "https"), ("oci://", "https"), ("docker+http://", "http"), ("oci+http://", "http")];

    private static readonly SearchValues<char> RepositoryCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-/");

    private static readonly SearchValues<char> TagCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    /// <summary>What a manifest is asked for by.</summary>
    public string Name => Digest?.ToString() ?? Tag!;

    public static bool IsOne(string source) => Find(source) is not null;

    /// <exception cref="ImageException">It is none.</exception>
    public static RegistryReference Parse(string source)
    {
        var (scheme, http) = Find(source)!.Value;
        var rest = source[scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? rest : rest[..slash];
        if (host.Contains('@', StringComparison.Ordinal))
            throw Wrong("has a user in it", "give user and password apart from it");
        if (!Uri.TryCreate($"{http}://{host}/", UriKind.Absolute, out var server) || server is not { AbsolutePath: "/", Query: "", Fragment: "", Host.Length: > 0 })
            throw Wrong("names no registry", Form);
        // What has neither a dot nor a port is a folder of Docker Hub's in other programs, and a search domain's guess in the resolver.
        if (!host.Contains('.', StringComparison.Ordinal) && !host.Contains(':', StringComparison.Ordinal) && host != "localhost")
            throw Wrong($"names no registry: '{host}' is no full host name", $"write docker.io/ before what is on Docker Hub, or {Form}");
        var path = slash < 0 ? "" : rest[(slash + 1)..];
        var (name, tag, digest) = Split(path);
        if (name.Length == 0)
            throw Wrong("names no repository", Form);
        if (name.AsSpan().ContainsAnyInRange('A', 'Z'))
            throw Wrong($"has upper-case letters in its repository '{name}'", $"registries have lower-case names only: write {name.ToLowerInvariant()}");
        if (name.Length > LongestRepository || name.AsSpan().ContainsAnyExcept(RepositoryCharacters) || name.Split('/').Any(IsNoPart))
            throw Wrong($"has a repository '{HttpSource.Harmless(name)}' that no registry has", $"a name has a-z, 0-9, '.', '_', '-' and '/'; {Form}");
        if (tag is not null && (tag.Length is 0 or > LongestTag || tag[0] is '.' or '-' || tag.AsSpan().ContainsAnyExcept(TagCharacters)))
            throw Wrong($"has a tag '{tag}' that is none", Form);
        var checksum = default(Checksum);
        if (digest is not null && !(Checksum.TryParse(digest, out checksum) && RegistryManifest.IsStrong(checksum)))
            throw Wrong($"has a digest '{digest}' that is none", "write @sha256: and 64 hexadecimal digits");

        // What docker.io answers itself is a web page.
        if (server.Host is "docker.io" or "index.docker.io" or "registry-1.docker.io")
            (server, name) = (new Uri($"{http}://registry-1.docker.io/"), name.Contains('/', StringComparison.Ordinal) ? name : $"library/{name}");
        return new(source, server, name, digest is null ? tag ?? "latest" : null, checksum);

        ImageException Wrong(string what, string remedy) =>
            new(ImageFailure.Settings, $"the image source '{HttpSource.Harmless(source)}' {what}; {remedy}");
    }

    private const string Form = "write docker://HOST[:PORT]/REPOSITORY:TAG or docker://HOST[:PORT]/REPOSITORY@sha256:…";

    private static (string Scheme, string Http)? Find(string source)
    {
        foreach (var scheme in Schemes)
            if (source.StartsWith(scheme.Scheme, StringComparison.OrdinalIgnoreCase))
                return scheme;
        return null;
    }

    private static (string Name, string? Tag, string? Digest) Split(string path)
    {
        var at = path.IndexOf('@', StringComparison.Ordinal);
        var (name, digest) = at < 0 ? (path, null) : (path[..at], path[(at + 1)..]);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (name, null, digest) : (name[..colon], name[(colon + 1)..], digest);
    }

    private static bool IsNoPart(string part) => part.Length == 0 || !char.IsAsciiLetterOrDigit(part[0]) || !char.IsAsciiLetterOrDigit(part[^1]);
}
