using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Fetch;

/// <summary>An image on a server as a stream that can seek, for those who look here and there: a few ranges are kept.</summary>
/// <remarks>Reads block, as <see cref="ImageInspector"/> wants it: give it a thread of its own.</remarks>
internal sealed class HttpRangeStream(HttpRanges ranges, CancellationToken ct) : SeekableReadOnlyStream
{
    private const int Block = 32 * 1024;
    private const int LongestAhead = 1 << 20;

    // Beside the beginning, which is looked at again and again.
    private const int Kept = 4;

    // The largest table that is read is 32 MiB; who makes us read more than this wants something else.
    private const long Most = 64 << 20;

    private readonly List<(long From, ReadOnlyMemory<byte> Bytes)> _pieces = [(0, ranges.Beginning)];
    private long _received;
    private long _ahead = Block;

    public override long Length => ranges.Length;

    public override int Read(Span<byte> buffer)
    {
        if (Position >= Length || buffer.Length == 0)
            return 0;
        var (from, bytes) = Piece();
        var found = bytes.Span[(int)(Position - from)..];
        found = found[..Math.Min(found.Length, buffer.Length)];
        found.CopyTo(buffer);
        Position += found.Length;
        return found.Length;
    }

    private (long From, ReadOnlyMemory<byte> Bytes) Piece()
    {
        foreach (var piece in _pieces)
            if (Position >= piece.From && Position < piece.From + piece.Bytes.Length)
                return piece;

        var from = Position / Block * Block;
        var (lastFrom, last) = _pieces[^1];
        _ahead = _pieces.Count > 1 && from == lastFrom + last.Length ? Math.Min(2 * _ahead, LongestAhead) : Block;
        var end = Math.Min(from + _ahead, Length);
        // A short rest is not worth a request of its own.
        end = Length - end < Block / 2 ? Length : end;
        if (_received + end - from > Most)
            throw new ImageException(ImageFailure.Refused,
                $"{ranges.Shown} is refused as a disk image: more than {Most} bytes of it would have to be read to judge it; make it anew");
        var read = new byte[end - from];
        ranges.ReadAsync(from, read, ct).GetAwaiter().GetResult();
        _received += read.Length;
        if (_pieces.Count > Kept)
            _pieces.RemoveAt(1);
        _pieces.Add((from, read));
        return _pieces[^1];
    }
}
