namespace KvmAgent.Images.Inspect;

/// <summary>
/// A qcow2 header as it stands in the file, well-formed but not judged: an overlay rightly names a backing file,
/// a base image must not (<see cref="Qcow2Policy"/>). Layout: docs/interop/qcow2.txt of QEMU.
/// </summary>
public sealed record Qcow2Header
{
    public required int Version { get; init; }

    public required long VirtualSize { get; init; }

    public required int ClusterSize { get; init; }

    public required string? BackingFile { get; init; }

    /// <summary>The backing file's driver, as <c>-F</c> recorded it.</summary>
    public required string? BackingFormat { get; init; }

    /// <summary>The name in the data-file extension; <see cref="HasDataFile"/> says whether it is in use.</summary>
    public required string? DataFile { get; init; }

    public required ulong IncompatibleFeatures { get; init; }

    /// <summary>Where the table of tables lies.</summary>
    public required long L1Offset { get; init; }

    public ulong CompatibleFeatures { get; init; }

    /// <summary>Of compressed clusters: 0 deflate, 1 zstd.</summary>
    public int CompressionType { get; init; }

    public bool IsZstd => CompressionType == 1;

    /// <summary>0 none, 1 AES, 2 LUKS.</summary>
    public required uint Encryption { get; init; }

    public required int Snapshots { get; init; }

    /// <summary>It was not closed cleanly while lazy refcounts were on; QEMU repairs it when it opens it for writing.</summary>
    public bool IsDirty => (IncompatibleFeatures & 1) != 0;

    /// <summary>QEMU found it broken and opens it for writing no more.</summary>
    public bool IsCorrupt => (IncompatibleFeatures & 2) != 0;

    public bool HasDataFile => (IncompatibleFeatures & 4) != 0;

    public bool HasExtendedL2 => (IncompatibleFeatures & 16) != 0;

    public bool HasLazyRefcounts => (CompatibleFeatures & 1) != 0;

    /// <summary>For people: what is not the rule.</summary>
    internal IReadOnlyList<string> Features =>
    [
        .. IsDirty ? ["dirty"] : Array.Empty<string>(),
        .. HasLazyRefcounts ? ["lazy refcounts"] : Array.Empty<string>(),
        .. HasExtendedL2 ? ["extended L2"] : Array.Empty<string>(),
        .. CompressionType == 1 ? ["zstd"] : Array.Empty<string>(),
        .. Snapshots > 0 ? [$"internal snapshots: {Snapshots}"] : Array.Empty<string>(),
    ];

    /// <summary>Reads the header of a file of our own; damage is <see cref="ImageFailure.Refused"/>.</summary>
    public static Qcow2Header Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4096);
            return Qcow2Parser.Parse(new ImageBytes(stream, whole: true), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.Unavailable, $"{path} cannot be read: {e.Message}", e);
        }
    }
}
