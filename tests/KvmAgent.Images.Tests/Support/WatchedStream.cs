using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Tests.Support;

/// <summary>Bytes that count how they are read, and do not suffer to be read where there are none.</summary>
internal sealed class WatchedStream(Stream inner) : SeekableReadOnlyStream
{
    public WatchedStream(byte[] bytes)
        : this(new MemoryStream(bytes, writable: false))
    {
    }

    public int Reads { get; private set; }

    public long BytesRead { get; private set; }

    public override long Length => inner.Length;

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

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
