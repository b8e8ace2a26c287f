using System.Security.Cryptography;
using KvmAgent.Images.Import;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Registry;

/// <summary>A blob, hashed as it passes. Its end is told only if all of it was what the manifest names.</summary>
internal sealed class BlobStream : ReadOnlyStream
{
    private readonly IImageStream _source;
    private readonly Descriptor _blob;
    private readonly string _name;
    private readonly Stream _inner;
    private readonly IncrementalHash _hash;
    private long _count;
    private bool _ended;

    /// <param name="source">Disposed with it.</param>
    /// <param name="blob">What is wanted.</param>
    /// <param name="name">What errors call the image.</param>
    /// <param name="ahead">How many pieces are asked for at once.</param>
    /// <param name="ct">Ends a read that waits.</param>
    /// <exception cref="ImageException">It is of another length.</exception>
    public BlobStream(IImageStream source, Descriptor blob, string name, int ahead, CancellationToken ct)
    {
        (_source, _blob, _name) = (source, blob, name);
        if (source.TotalLength is { } length && length != blob.Size)
        {
            source.Dispose();
            throw OtherLength(length);
        }
        _inner = source.ReadThrough(ahead, ct);
        _hash = IncrementalHash.CreateHash(blob.Digest.Algorithm);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_ended || buffer.Length == 0)
            return 0;
        var count = _inner.Read(buffer);
        _hash.AppendData(buffer[..count]);
        _count += count;
        if (_count > _blob.Size || count == 0 && _count < _blob.Size)
            throw OtherLength(_count);
        if (count == 0)
        {
            _blob.Digest.Demand(Checksum.Of(_blob.Digest.Algorithm, _hash.GetHashAndReset()), $"{_name}: its layer", "try again, or do not trust the registry");
            _ended = true;
        }
        return count;
    }

    /// <summary>Reads what is left, so that it is judged.</summary>
    public void Finish()
    {
        var buffer = new byte[128 << 10];
        while (Read(buffer) > 0)
        {
        }
    }

    protected override void Release()
    {
        _inner.Dispose();
        _source.Dispose();
        _hash.Dispose();
    }

    private ImageException OtherLength(long length) => new(ImageFailure.Refused,
        $"{_name} is refused: its layer {_blob.Digest} has {_blob.Size} bytes, and {length} came; try again, or do not trust the registry");
}
