using System.Runtime.InteropServices;

namespace KvmAgent.Images.Layers;

/// <summary>
/// The decoder of .xz, by the system's liblzma: several blocks at once where there are several (`xz -T` makes them), the library is 5.4 or
/// newer, and the memory is enough for it. lzma/base.h, lzma/container.h.
/// </summary>
internal sealed unsafe partial class Xz : IDecoder
{
    /// <summary>xz -9 needs 65 MiB; a dictionary of 1.5 GiB is possible and nobody's honest wish.</summary>
    private const ulong MemoryLimit = 256 << 20;

    // LZMA_CONCATENATED, as `xz -d` reads several streams one after the other.
    private const uint Concatenated = 8;
    private const int Ok = 0, StreamEnd = 1, MemoryLimitReached = 6, Run = 0, Finish = 3;

    // It has pointers into itself, and the library one to it: it must not move.
    private readonly State* _state;
    private bool _ended;

    /// <exception cref="ImageException">There is no liblzma.</exception>
    public Xz()
    {
        _state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        try
        {
            if (Begin() != Ok)
                throw new InvalidOperationException("liblzma gives no decoder");
        }
        catch (DllNotFoundException e)
        {
            NativeMemory.Free(_state);
            throw new ImageException(ImageFailure.Unavailable, "liblzma.so.5 is missing, which images packed with xz need; install liblzma5", e);
        }
    }

    private int Begin()
    {
        var threads = new Threads { Flags = Concatenated, Count = (uint)Environment.ProcessorCount, LimitToGoOn = MemoryLimit, LimitToStop = MemoryLimit };
        try
        {
            return ThreadedDecoder(_state, &threads);
        }
        catch (EntryPointNotFoundException)
        {
            return Decoder(_state, MemoryLimit, Concatenated);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ImageException">It asks for too much memory.</exception>
    public (int Read, int Written, bool Ends)? Step(ReadOnlySpan<byte> packed, bool last, Span<byte> plain)
    {
        fixed (byte* from = packed, to = plain)
        {
            _state->NextIn = from;
            _state->AvailIn = (nuint)packed.Length;
            _state->NextOut = to;
            _state->AvailOut = (nuint)plain.Length;
            var result = _ended ? StreamEnd : Code(_state, last ? Finish : Run);
            _ended = result == StreamEnd;
            if (result == MemoryLimitReached)
                throw new ImageException(ImageFailure.Refused, $"it was packed with a dictionary that needs over {MemoryLimit >> 20} MiB of memory; pack it with xz -9 or less");
            return result is Ok or StreamEnd ? (packed.Length - (int)_state->AvailIn, plain.Length - (int)_state->AvailOut, _ended) : null;
        }
    }

    public void Dispose()
    {
        End(_state);
        NativeMemory.Free(_state);
    }

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_stream_decoder")]
    private static partial int Decoder(State* state, ulong memoryLimit, uint flags);

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_stream_decoder_mt")]
    private static partial int ThreadedDecoder(State* state, Threads* threads);

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_code")]
    private static partial int Code(State* state, int action);

    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_end")]
    private static partial void End(State* state);

    // What we touch of lzma_stream.
    [StructLayout(LayoutKind.Explicit, Size = 136)]
    private struct State
    {
        [FieldOffset(0)]
        public byte* NextIn;

        [FieldOffset(8)]
        public nuint AvailIn;

        [FieldOffset(24)]
        public byte* NextOut;

        [FieldOffset(32)]
        public nuint AvailOut;
    }

    // What we say of lzma_mt. Beyond the first limit it goes on with one thread, beyond the second it stops.
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Threads
    {
        [FieldOffset(0)]
        public uint Flags;

        [FieldOffset(4)]
        public uint Count;

        [FieldOffset(64)]
        public ulong LimitToGoOn;

        [FieldOffset(72)]
        public ulong LimitToStop;
    }
}
