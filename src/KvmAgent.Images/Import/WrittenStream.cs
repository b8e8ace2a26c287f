using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>The disk in a target that is not complete yet, for the inspector.</summary>
internal sealed class WrittenStream(RawTarget target, long length) : SeekableReadOnlyStream
{
    public override long Length => length;

    public override int Read(Span<byte> buffer)
    {
        var count = target.Read(Position, buffer[..(int)Math.Min(buffer.Length, length - Position)]);
        Position += count;
        return count;
    }
}
