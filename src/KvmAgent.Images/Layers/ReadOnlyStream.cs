namespace KvmAgent.Images.Layers;

/// <summary>All that a stream does not do which is only read, from its beginning to its end.</summary>
internal abstract class ReadOnlyStream : Stream
{
    private bool _released;

    public sealed override bool CanRead => true;

    public sealed override bool CanSeek => false;

    public sealed override bool CanWrite => false;

    public sealed override long Length => throw new NotSupportedException("the end is not known before it comes");

    public sealed override long Position
    {
        get => throw new NotSupportedException("this stream has no positions");
        set => throw new NotSupportedException("this stream has no positions");
    }

    public abstract override int Read(Span<byte> buffer);

    public sealed override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public sealed override void Flush()
    {
    }

    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("this stream has no positions");

    public sealed override void SetLength(long value) => throw new NotSupportedException("this stream is only read");

    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is only read");

    protected sealed override void Dispose(bool disposing)
    {
        if (disposing && !Interlocked.Exchange(ref _released, true))
            Release();
        base.Dispose(disposing);
    }

    /// <summary>Gives back what it holds; called once, however often the stream is disposed.</summary>
    protected virtual void Release()
    {
    }
}
