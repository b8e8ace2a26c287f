namespace KvmAgent.Images.Layers;

/// <summary>A stream that comes in pieces.</summary>
internal abstract class PieceStream : ReadOnlyStream
{
    private ReadOnlyMemory<byte> _piece;

    public sealed override int Read(Span<byte> buffer)
    {
        if (_piece.Length == 0 && buffer.Length > 0)
            _piece = Next();
        var count = Math.Min(buffer.Length, _piece.Length);
        _piece.Span[..count].CopyTo(buffer);
        _piece = _piece[count..];
        return count;
    }

    /// <summary>The next piece, empty at the end. The one before is used up, and may be written over.</summary>
    protected abstract ReadOnlyMemory<byte> Next();
}
