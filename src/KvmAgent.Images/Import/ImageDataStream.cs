using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>An image's bytes from the first to the last.</summary>
internal sealed class ImageDataStream(IImageData data, CancellationToken ct) : ReadOnlyStream
{
    // The decoders above read synchronously, on threads of their own.
    private readonly byte[] _buffer = new byte[256 << 10];
    private long _at;

    public override int Read(Span<byte> buffer)
    {
        var count = (int)Math.Min(Math.Min(buffer.Length, _buffer.Length), data.Length - _at);
        if (count > 0)
            data.ReadAsync(_at, _buffer.AsMemory(0, count), ct).AsTask().GetAwaiter().GetResult();
        _buffer.AsSpan(0, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
