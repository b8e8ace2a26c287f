using System.IO.Compression;
using System.Runtime.InteropServices;

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

/// <summary>Zstandard, by the system's libzstd, which QEMU's own packages need as well.</summary>
internal sealed unsafe partial class ZstdUnpacker : IClusterUnpacker
{
    // ZSTD_d_windowLogMax. A cluster has 2^21 bytes at most, and no use for a larger window; the library would take 128 MiB.
    private const int WindowLogMax = 100, LargestWindow = 21;

    private nint _context;

    /// <exception cref="ImageException">There is no libzstd.</exception>
    public ZstdUnpacker()
    {
        try
        {
            _context = CreateContext();
            if (_context == 0 || IsError(SetParameter(_context, WindowLogMax, LargestWindow)) != 0)
                throw new InvalidOperationException("libzstd gives no context");
        }
        catch (DllNotFoundException e)
        {
            throw new ImageException(ImageFailure.Unavailable, "libzstd.so.1 is missing, which an image compressed with zstd needs; install libzstd1", e);
        }
    }

    public bool TryUnpack(byte[] packed, int start, int length, Span<byte> cluster)
    {
        Reset(_context, 1);
        fixed (byte* from = packed, to = cluster)
        {
            var input = new Buffer { Data = from + start, Size = (nuint)length };
            var output = new Buffer { Data = to, Size = (nuint)cluster.Length };
            while (output.Position < output.Size)
            {
                var before = (input.Position, output.Position);
                if (IsError(Decompress(_context, ref output, ref input)) != 0 || (input.Position, output.Position) == before)
                    return false;
            }
        }
        return true;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _context, 0) is not 0 and var context)
            Free(context);
    }

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_createDCtx")]
    private static partial nint CreateContext();

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_freeDCtx")]
    private static partial nuint Free(nint context);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_DCtx_setParameter")]
    private static partial nuint SetParameter(nint context, int parameter, int value);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_DCtx_reset")]
    private static partial nuint Reset(nint context, int directive);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_decompressStream")]
    private static partial nuint Decompress(nint context, ref Buffer output, ref Buffer input);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_isError")]
    private static partial uint IsError(nuint code);

    // ZSTD_inBuffer and ZSTD_outBuffer.
    private struct Buffer
    {
        public byte* Data;
        public nuint Size;
        public nuint Position;
    }
}
