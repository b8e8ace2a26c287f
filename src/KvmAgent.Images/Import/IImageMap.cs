namespace KvmAgent.Images.Import;

/// <summary>Where an image keeps its disk.</summary>
internal interface IImageMap
{
    /// <summary>The disk's, in bytes.</summary>
    long VirtualSize { get; }

    /// <summary>What a compressed extent unpacks to, in bytes.</summary>
    int ClusterSize { get; }

    /// <summary>All extents, a window at a time, so that the memory needed does not grow with the disk.</summary>
    IAsyncEnumerable<List<Extent>> ReadAsync(CancellationToken ct);

    IClusterUnpacker CreateUnpacker();
}

internal static class ImageMaps
{
    /// <summary>How many bytes of the disk are allocated: at most so many are written, and fewer where they are zeroes.</summary>
    public static async Task<long> CountAsync(this IImageMap map, CancellationToken ct)
    {
        var sum = 0L;
        await foreach (var window in map.ReadAsync(ct).ConfigureAwait(false))
            sum += window.Sum(extent => extent.Compressed ? map.ClusterSize : extent.Length);
        return sum;
    }
}
