namespace KvmAgent.Images.Inspect;

/// <summary>
/// Random reads that never leave the file. While an image is still arriving only its beginning is here
/// (<see cref="Whole"/> is false), and what compares with the file's length has to wait.
/// Many small questions become few reads, for each may be a round trip: the beginning and the end are read once, and
/// elsewhere at least 4 KiB.
/// </summary>
internal sealed class ImageBytes(Stream stream, bool whole)
{
    // Up to and with a VHDX' first header; btrfs' magic is before that.
    private const int HeadSize = 68 * 1024;
    private const int TailSize = 2 * 1024;
    private const int WindowSize = 4 * 1024;

    private byte[]? _head;
    private byte[]? _tail;
    private byte[] _window = [];
    private long _windowAt;

    public long Length { get; } = stream.Length;

    public bool Whole => whole;

    public bool TryRead(long offset, Span<byte> into)
    {
        if (offset < 0 || offset > Length - into.Length)
            return false;
        var end = offset + into.Length;
        if (end <= HeadSize)
            (_head ??= Load(0, HeadSize)).AsSpan((int)offset, into.Length).CopyTo(into);
        else if (offset >= Length - TailSize)
            (_tail ??= Load(Length - TailSize, TailSize)).AsSpan((int)(offset - (Length - TailSize)), into.Length).CopyTo(into);
        else if (into.Length >= WindowSize)
            Fill(offset, into);
        else
        {
            if (offset < _windowAt || end > _windowAt + _window.Length)
                (_windowAt, _window) = (offset, Load(offset, WindowSize));
            _window.AsSpan((int)(offset - _windowAt), into.Length).CopyTo(into);
        }
        return true;
    }

    public bool Has(long offset, ReadOnlySpan<byte> magic)
    {
        Span<byte> found = stackalloc byte[magic.Length];
        return TryRead(offset, found) && found.SequenceEqual(magic);
    }

    private byte[] Load(long offset, int size)
    {
        var bytes = new byte[(int)Math.Min(size, Length - offset)];
        Fill(offset, bytes);
        return bytes;
    }

    private void Fill(long offset, Span<byte> into)
    {
        stream.Position = offset;
        stream.ReadExactly(into);
    }
}
