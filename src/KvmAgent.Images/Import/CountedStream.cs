using System.Security.Cryptography;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>Counts a source's bytes as they pass by, and hashes them where a checksum is wanted.</summary>
/// <param name="inner">The source.</param>
/// <param name="wanted">Its checksum.</param>
/// <param name="toEnd">Whether all of it has to be read even without one.</param>
/// <param name="meter">Told how much came.</param>
internal sealed class CountedStream(Stream inner, Checksum? wanted, bool toEnd, FetchMeter meter) : ReadOnlyStream
{
    // What may lie behind the last byte that a decoder needs: a tar's padding, zeroes behind a gzip.
    private const long LongestRest = 64 << 20;

    private readonly IncrementalHash? _hash = wanted is null ? null : IncrementalHash.CreateHash(wanted.Algorithm);

    public long Count { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        var count = inner.Read(buffer);
        _hash?.AppendData(buffer[..count]);
        meter.At(Count += count);
        return count;
    }

    /// <summary>Reads what is left, and compares.</summary>
    /// <exception cref="ImageException">The checksum is another.</exception>
    public void Finish(string name)
    {
        if (wanted is null && !toEnd)
            return;
        var (rest, buffer) = (Count, new byte[128 << 10]);
        while (Read(buffer) > 0)
            if (Count - rest > LongestRest)
                throw new ImageException(ImageFailure.Refused, $"{name} is refused: more than {LongestRest} bytes follow what is needed of it; make it anew");
        wanted?.Demand(Checksum.Of(wanted.Algorithm, _hash!.GetHashAndReset()), name, "check the source and the checksum");
    }

    protected override void Release()
    {
        inner.Dispose();
        _hash?.Dispose();
    }
}
