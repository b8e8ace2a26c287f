using System.IO.Compression;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>Unpacks compressed clusters, one after the other. What it gets is hostile; what it gives is one whole cluster or a refusal.</summary>
internal interface IClusterUnpacker : IDisposable
{
    /// <summary>Fills <paramref name="cluster"/>; false where that cannot be done with these bytes.</summary>
    bool TryUnpack(byte[] packed, int start, int length, Span<byte> cluster);
}

/// <summary>Deflate without a header.</summary>
internal sealed class DeflateUnpacker : IClusterUnpacker
{
    public bool TryUnpack(byte[] packed, int start, int length, Span<byte> cluster)
    {
        using var source = new MemoryStream(packed, start, length, writable: false);
        using var deflate = new DeflateStream(source, CompressionMode.Decompress);
        try
        {
            return deflate.ReadAtLeast(cluster, cluster.Length, throwOnEndOfStream: false) == cluster.Length;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    public void Dispose()
    {
    }
}

/// <summary>Zstandard. A cluster has 2^21 bytes at most, and no use for a larger window.</summary>
internal sealed class ZstdUnpacker : IClusterUnpacker
{
    private readonly Zstd _decoder = new(largestWindow: 21);

    public bool TryUnpack(byte[] packed, int start, int length, Span<byte> cluster)
    {
        _decoder.Reset();
        var from = packed.AsSpan(start, length);
        while (cluster.Length > 0)
        {
            if (_decoder.Step(from, last: true, cluster) is not var (read, written, _) || read + written == 0)
                return false;
            from = from[read..];
            cluster = cluster[written..];
        }
        return true;
    }

    public void Dispose() => _decoder.Dispose();
}
