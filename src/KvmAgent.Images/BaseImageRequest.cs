namespace KvmAgent.Images;

/// <summary>What image is wanted, where it shall lie, and how its source is reached.</summary>
public sealed record BaseImageRequest
{
    /// <summary>A URL (http, https, s3, oci, docker, file), an absolute path, or null where the image must be there already.</summary>
    public string? Source { get; init; }

    /// <summary>The shared volume. It must exist: were it made here, an unmounted volume would go unnoticed.</summary>
    public required string Directory { get; init; }

    /// <summary>The file's name in <see cref="Directory"/>.</summary>
    public required string Name { get; init; }

    public Checksum? Checksum { get; init; }

    /// <summary>How its server is reached.</summary>
    public SourceAccess Access { get; init; } = new();

    /// <summary>The formats accepted here; null for those a guest may have as they are (<see cref="ImageFormatNames.ForGuests"/>).</summary>
    public IReadOnlyCollection<ImageFormat>? Formats { get; init; }

    internal IReadOnlyCollection<ImageFormat> Accepted => Formats ?? ImageFormatNames.ForGuests;
}

/// <summary>An image in its place: whole, checked, read-only.</summary>
/// <param name="Path">The file.</param>
/// <param name="Digest">Its <c>sha256:…</c>; an overlay records it as that of its base.</param>
/// <param name="Format">What it is.</param>
/// <param name="VirtualSize">The size of the disk inside, in bytes.</param>
/// <param name="Fetched">True for the one process that brought it.</param>
public sealed record BaseImage(string Path, string Digest, ImageFormat Format, long VirtualSize, bool Fetched);
