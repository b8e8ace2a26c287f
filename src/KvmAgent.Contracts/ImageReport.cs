namespace KvmAgent.Contracts;

/// <summary>What an accepted image is.</summary>
/// <param name="Source">Where it was looked at; a URL without user and query.</param>
/// <param name="Format"><c>raw</c>, <c>qcow2</c>, <c>iso</c>, <c>vmdk</c>, <c>vdi</c>, <c>vhd</c> or <c>vhdx</c>.</param>
/// <param name="VirtualSize">The size of the disk inside, in bytes.</param>
/// <param name="FileSize">The length of the file, in bytes.</param>
/// <param name="Content">For people: what was recognised, as "GPT partition table".</param>
public sealed record ImageReport(string Source, string Format, long VirtualSize, long FileSize, string Content)
{
    /// <summary>In bytes: of the unit in which the format allocates; null where it has none.</summary>
    public int? ClusterSize { get; init; }

    /// <summary>For people: what is unusual about it, as "zstd" or "internal snapshots: 2".</summary>
    public IReadOnlyList<string> Features { get; init; } = [];
}
