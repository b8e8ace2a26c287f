using System.Text.RegularExpressions;

namespace KvmAgent.Coordinator.Builds;

/// <summary>
/// What a runtime says that a container runs: <c>docker-pullable://REPOSITORY@sha256:…</c>, <c>docker://sha256:…</c>, and of containerd and CRI-O
/// <c>REPOSITORY@sha256:…</c> or <c>sha256:…</c> alone. With a repository it is a digest of the registry's, which may be that of an index; without one it may be
/// either that or the image's own id.
/// </summary>
/// <param name="Repository">Null: there is none.</param>
/// <param name="Digest"><c>sha256:…</c>.</param>
internal sealed partial record ImageReference(string? Repository, string Digest)
{
    /// <returns>Null where it is none: what has not been pulled yet has an empty one.</returns>
    public static ImageReference? Parse(string? text)
    {
        var bare = text is null ? "" : text[(text.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0)..];
        var at = bare.LastIndexOf('@');
        var (repository, digest) = at < 0 ? (null, bare) : (bare[..at], bare[(at + 1)..]);
        return DigestForm().IsMatch(digest) && repository?.Length != 0 ? new ImageReference(repository is null ? null : WithoutTag(repository), digest.ToLowerInvariant()) : null;
    }

    public override string ToString() => Repository is null ? Digest : $"{Repository}@{Digest}";

    /// <summary>Of the name that an image is asked for by: without tag, digest and scheme.</summary>
    public static string NameOf(string image)
    {
        var bare = image[(image.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0)..];
        return WithoutTag(bare.Split('@')[0]);
    }

    /// <summary>A colon before the last slash is a port's.</summary>
    private static string WithoutTag(string name) => name.LastIndexOf(':') is var colon && colon > name.LastIndexOf('/') ? name[..colon] : name;

    [GeneratedRegex(@"^sha256:[0-9a-fA-F]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex DigestForm();
}
