using KvmAgent.Images;
using KvmAgent.Settings;

namespace KvmAgent.Import;

internal enum ImportContent
{
    Disk,
    Archive,
}

/// <summary>One import, as options and environment ask for it.</summary>
/// <param name="Source">A URL or a full path; null for a disk of zeroes.</param>
/// <param name="Target">A file or block device; of an archive a directory.</param>
internal sealed record ImportSettings(string? Source, string Target)
{
    public ImportContent Content { get; init; }

    /// <summary>The server of another claim's disk, and the directory of its key; then there is no source.</summary>
    public (Uri Server, string KeyDirectory)? CloneFrom { get; init; }

    /// <summary>Whether somebody sends it by way of <see cref="Link"/>; then there is no source.</summary>
    public bool IsUpload { get; init; }

    /// <summary>How large the disk shall be, in bytes; of an archive, how large its files may be together.</summary>
    public long? Size { get; init; }

    public Checksum? Checksum { get; init; }

    public SourceAccess Access { get; init; } = new();

    public bool Preallocate { get; init; }

    public string? Scratch { get; init; }

    /// <summary>Where the progress is told for programs.</summary>
    public string? Metrics { get; init; }

    /// <summary>Whether <see cref="Metrics"/> was asked for, and has to work.</summary>
    public bool DemandMetrics { get; init; }

    /// <summary>The UID that the progress is told of.</summary>
    public string OwnerUid { get; init; } = "";

    /// <summary>Whom the progress is told besides; null: nobody.</summary>
    public LinkSettings? Link { get; init; }

    /// <summary>Not null for an importer pod's volume, on which the target is its own: which share is left to the file system.</summary>
    public decimal? Overhead { get; init; }
}
