namespace KvmAgent.Images.Import;

/// <summary>The disk in a target that is not complete yet, for the inspector.</summary>
internal sealed class WrittenStream(RawTarget target, long length) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        var count = target.Read(Position, buffer[..(int)Math.Min(buffer.Length, length - Position)]);
        Position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("this stream is only read");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is only read");
}
