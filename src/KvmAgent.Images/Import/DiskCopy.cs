using System.Buffers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>
/// Unpacks an image straight into a raw disk: its tables first, then only what is allocated, several chunks at once. There is no scratch
/// file, and no more memory than <c>connections</c> chunks and clusters, and a window of tables.
/// </summary>
internal sealed class DiskCopy(IImageData data, IImageMap map, RawTarget target, int connections, FetchMeter meter)
{
    private readonly Lock _counting = new();
    private long _copied;

    /// <summary>Bytes of the image.</summary>
    public long Read { get; private set; }

    public async Task RunAsync(CancellationToken ct)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = connections, CancellationToken = ct };
        await foreach (var extents in map.ReadAsync(ct).ConfigureAwait(false))
            await Parallel.ForEachAsync(Chunk.Group(extents), parallel, CopyAsync).ConfigureAwait(false);
    }

    private async ValueTask CopyAsync(Chunk chunk, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(chunk.Length);
        try
        {
            await data.ReadAsync(chunk.Start, buffer.AsMemory(0, chunk.Length), ct).ConfigureAwait(false);
            foreach (var extent in chunk.Extents)
                if (!extent.Compressed)
                    target.Write(extent.Guest, buffer.AsSpan((int)(extent.Host - chunk.Start), (int)extent.Length));
            if (chunk.Extents.Any(extent => extent.Compressed))
                Unpack(chunk, buffer);
            Count(chunk);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Count(Chunk chunk)
    {
        lock (_counting)
        {
            Read += chunk.Length;
            _copied += chunk.Extents.Sum(extent => extent.Compressed ? map.ClusterSize : extent.Length);
            meter.At(_copied);
        }
    }

    private void Unpack(Chunk chunk, byte[] buffer)
    {
        using var unpacker = map.CreateUnpacker();
        var rented = ArrayPool<byte>.Shared.Rent(map.ClusterSize);
        try
        {
            var cluster = rented.AsSpan(0, map.ClusterSize);
            foreach (var extent in chunk.Extents.Where(extent => extent.Compressed))
            {
                if (!unpacker.TryUnpack(buffer, (int)(extent.Host - chunk.Start), (int)extent.Length, cluster))
                    throw new ImageException(ImageFailure.Refused,
                        $"{data.Name} is a damaged qcow2 image: the compressed cluster at {extent.Host} cannot be unpacked; make or fetch it anew");
                target.Write(extent.Guest, cluster[..(int)Math.Min(cluster.Length, map.VirtualSize - extent.Guest)]);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
