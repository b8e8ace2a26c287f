namespace KvmAgent.Images.Layers;

/// <summary>A packed stream, unpacked while it is read. Who cuts it short or bends it is found out.</summary>
internal sealed class DecoderStream(Stream inner, IDecoder decoder, Layer layer) : ReadOnlyStream
{
    private readonly byte[] _buffer = new byte[128 << 10];
    private ReadOnlyMemory<byte> _packed;
    private bool _last, _ends;

    public override int Read(Span<byte> buffer)
    {
        while (true)
        {
            if (_packed.Length == 0 && !_last)
            {
                _packed = _buffer.AsMemory(0, inner.Read(_buffer));
                _last = _packed.Length == 0;
            }
            if (_ends && _last && _packed.Length == 0)
                return 0;
            if (decoder.Step(_packed.Span, _last, buffer) is not var (read, written, ends))
                throw Broken("damaged");
            if (_last && read + written == 0 && !ends)
                throw Broken("cut short");
            _packed = _packed[read..];
            _ends = ends;
            if (written > 0)
                return written;
        }
    }

    protected override void Release()
    {
        inner.Dispose();
        decoder.Dispose();
    }

    private InvalidDataException Broken(string how) => new($"its {layer.Name()} data is {how}");
}
