namespace KvmAgent.Images.Layers;

/// <summary>A stream whose beginning was looked at, and is read once more.</summary>
internal sealed class PeekStream : ReadOnlyStream
{
    private readonly Stream _inner;
    private readonly byte[] _beginning;
    private int _at;

    public PeekStream(Stream inner, int length)
    {
        _inner = inner;
        var buffer = new byte[length];
        try
        {
            _beginning = buffer[..inner.ReadAtLeast(buffer, length, throwOnEndOfStream: false)];
        }
        catch
        {
            inner.Dispose();
            throw;
        }
    }

    /// <summary>Shorter than asked for where the stream is.</summary>
    public ReadOnlyMemory<byte> Beginning => _beginning;

    /// <summary>Of all of it, where what it comes in tells before the end.</summary>
    public long? ToldLength => (_inner as TarDisk)?.DiskLength;

    public override int Read(Span<byte> buffer)
    {
        if (_at == _beginning.Length)
            return _inner.Read(buffer);
        var count = Math.Min(buffer.Length, _beginning.Length - _at);
        _beginning.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Release() => _inner.Dispose();
}
