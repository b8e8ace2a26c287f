namespace KvmAgent.Qemu;

/// <summary>
/// The last 64 KiB that the guest's console printed. Every reader has a position of its own in it, so that no reader needs a queue:
/// one that is too slow finds its place overwritten and goes on with the oldest line there is.
/// </summary>
internal sealed class ConsoleScrollback
{
    public const int Size = 64 << 10;
    private const int LineSearch = 4096;

    private readonly byte[] _ring = new byte[Size];
    private readonly Lock _gate = new();
    private long _end;

    /// <summary>How much was ever printed: the position behind the newest byte.</summary>
    public long End
    {
        get
        {
            lock (_gate)
            {
                return _end;
            }
        }
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            var kept = bytes.Length > Size ? bytes[^Size..] : bytes;
            _end += bytes.Length;
            var at = (int)((_end - kept.Length) % Size);
            var first = Math.Min(kept.Length, Size - at);
            kept[..first].CopyTo(_ring.AsSpan(at));
            kept[first..].CopyTo(_ring);
        }
    }

    /// <summary>Copies what follows a position, and moves it on.</summary>
    /// <param name="position">Where to read; 0 for a new reader.</param>
    /// <param name="into">Gets the bytes.</param>
    /// <param name="skipped">How many bytes were overwritten before they could be read.</param>
    /// <returns>How many bytes were copied; 0 where there is nothing new.</returns>
    public int Read(ref long position, Span<byte> into, out long skipped)
    {
        lock (_gate)
        {
            var from = position >= _end - Size ? position : LineStart(_end - Size);
            skipped = from - position;
            var count = (int)Math.Min(into.Length, _end - from);
            var at = (int)(from % Size);
            var first = Math.Min(count, Size - at);
            _ring.AsSpan(at, first).CopyTo(into);
            _ring.AsSpan(0, count - first).CopyTo(into[first..]);
            position = from + count;
            return count;
        }
    }

    /// <summary>The first line that is whole, so that neither a character nor an escape sequence is cut in two.</summary>
    private long LineStart(long from)
    {
        for (var at = from; at < from + LineSearch; at++)
        {
            if (_ring[at % Size] == '\n')
            {
                return at + 1;
            }
        }

        return from;
    }
}
