namespace KvmAgent.Images.Tests.Support;

/// <summary>Bytes that count how they are read, and do not suffer to be read where there are none.</summary>
internal sealed class WatchedStream(Stream inner) : Stream
{
    public WatchedStream(byte[] bytes)
        : this(new MemoryStream(bytes, writable: false))
    {
    }

    public int Reads { get; private set; }

    public long BytesRead { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        if (Position < 0 || Position + buffer.Length > Length)
            throw new InvalidOperationException($"{buffer.Length} bytes are read at {Position} of {Length}");
        inner.Position = Position;
        inner.ReadExactly(buffer);
        Position += buffer.Length;
        Reads++;
        BytesRead += buffer.Length;
        return buffer.Length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
