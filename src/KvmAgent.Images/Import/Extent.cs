namespace KvmAgent.Images.Import;

/// <summary>A piece of the disk that is in the image. What no extent covers is zeroes.</summary>
/// <param name="Guest">Where on the disk.</param>
/// <param name="Host">Where in the image's file.</param>
/// <param name="Length">Bytes in the file; of plain data, on the disk as well.</param>
/// <param name="Compressed">One cluster, packed. <paramref name="Length"/> is counted in sectors then and may be some more than there is.</param>
internal readonly record struct Extent(long Guest, long Host, long Length, bool Compressed);

/// <summary>Extents that are read from the file in one go.</summary>
/// <param name="Start">Where in the file.</param>
/// <param name="Length">How much.</param>
/// <param name="Extents">All within.</param>
internal sealed record Chunk(long Start, int Length, IReadOnlyList<Extent> Extents)
{
    /// <summary>A request that a server answers in good time, and a buffer that several connections can have each.</summary>
    public const int MaxLength = 4 << 20;

    // What lies between two extents costs less than another request would.
    private const int MaxGap = 64 << 10;

    /// <summary>Sorts extents by their place in the file and groups them; long ones are cut.</summary>
    public static IEnumerable<Chunk> Group(List<Extent> extents)
    {
        extents.Sort(static (a, b) => a.Host.CompareTo(b.Host));
        var group = new List<Extent>();
        var (start, end) = (0L, 0L);
        foreach (var extent in extents.SelectMany(Cut))
        {
            var after = extent.Host + extent.Length;
            if (group.Count > 0 && (extent.Host > end + MaxGap || after - start > MaxLength))
            {
                yield return new Chunk(start, (int)(end - start), group);
                group = [];
            }
            if (group.Count == 0)
                (start, end) = (extent.Host, extent.Host);
            end = Math.Max(end, after);
            group.Add(extent);
        }
        if (group.Count > 0)
            yield return new Chunk(start, (int)(end - start), group);
    }

    private static IEnumerable<Extent> Cut(Extent extent)
    {
        while (extent.Length > MaxLength)
        {
            yield return extent with { Length = MaxLength };
            extent = extent with { Guest = extent.Guest + MaxLength, Host = extent.Host + MaxLength, Length = extent.Length - MaxLength };
        }
        yield return extent;
    }
}
