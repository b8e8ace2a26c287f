using System.Runtime.InteropServices;

namespace KvmAgent.Images.Layers;

/// <summary>Zstandard's decoder, by the system's libzstd, which QEMU's own packages need as well. zstd.h, stable part.</summary>
internal sealed unsafe partial class Zstd : IDecoder
{
    private const int WindowLogMax = 100, SessionOnly = 1;

    private nint _context;

    /// <param name="largestWindow">As a power of two: so much memory may an image ask for.</param>
    /// <exception cref="ImageException">There is no libzstd.</exception>
    public Zstd(int largestWindow)
    {
        try
        {
            _context = Create();
        }
        catch (DllNotFoundException e)
        {
            throw new ImageException(ImageFailure.Unavailable, "libzstd.so.1 is missing, which images packed with zstd need; install libzstd1", e);
        }
        if (_context == 0 || IsError(SetParameter(_context, WindowLogMax, largestWindow)) != 0)
            throw new InvalidOperationException("libzstd gives no decoder");
    }

    /// <summary>Forgets the frame at hand.</summary>
    public void Reset() => Reset(_context, SessionOnly);

    public (int Read, int Written, bool Ends)? Step(ReadOnlySpan<byte> packed, bool last, Span<byte> plain)
    {
        fixed (byte* from = packed, to = plain)
        {
            var input = new Buffer { Data = from, Size = (nuint)packed.Length };
            var output = new Buffer { Data = to, Size = (nuint)plain.Length };
            var missing = Decompress(_context, ref output, ref input);
            return IsError(missing) != 0 ? null : ((int)input.Position, (int)output.Position, missing == 0);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _context, 0) is not 0 and var context)
            Free(context);
    }

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_createDCtx")]
    private static partial nint Create();

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
