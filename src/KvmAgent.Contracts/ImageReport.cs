namespace KvmAgent.Contracts;

/// <summary>What an accepted image is.</summary>
/// <param name="Source">Where it was looked at; a URL without user and query.</param>
/// <param name="Format"><c>qcow2</c>, <c>raw</c> or <c>iso</c>.</param>
/// <param name="VirtualSize">The size of the disk inside, in bytes.</param>
/// <param name="FileSize">The length of the file, in bytes.</param>
/// <param name="Content">For people: what was recognised, as "GPT partition table".</param>
public sealed record ImageReport(string Source, string Format, long VirtualSize, long FileSize, string Content)
{
    /// <summary>Null for what is no qcow2 image.</summary>
    public Qcow2Report? Qcow2 { get; init; }
}

/// <param name="Version">2 or 3.</param>
/// <param name="ClusterSize">In bytes.</param>
/// <param name="Snapshots">How many it holds; no guest sees them.</param>
/// <param name="Dirty">It was not closed cleanly, and is repaired when it is opened for writing.</param>
/// <param name="ExtendedL2">It has subclusters.</param>
public sealed record Qcow2Report(int Version, int ClusterSize, int Snapshots, bool Dirty, bool ExtendedL2);
