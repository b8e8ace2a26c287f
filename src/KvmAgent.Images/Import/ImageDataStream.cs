using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>
/// An image's bytes from the first to the last, some pieces ahead of who reads them: over a slow link as many connections as pieces.
/// Reads block, as decoders want it.
/// </summary>
internal sealed class ImageDataStream(IImageData data, int ahead, CancellationToken ct) : ReadOnlyStream
{
    private const int Piece = Chunk.MaxLength;

    private readonly Queue<Task<byte[]>> _pieces = [];
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
    private byte[] _now = [];
    private int _at;
    private long _asked;

    public override int Read(Span<byte> buffer)
    {
        if (_at == _now.Length && !TryNext())
            return 0;
        var count = Math.Min(buffer.Length, _now.Length - _at);
        _now.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Release()
    {
        _stop.Cancel();
        Task.WhenAll(_pieces).ContinueWith(static _ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        _stop.Dispose();
    }

    private bool TryNext()
    {
        while (_pieces.Count < ahead && _asked < data.Length)
        {
            _pieces.Enqueue(ReadAsync(_asked, (int)Math.Min(Piece, data.Length - _asked)));
            _asked += Piece;
        }
        if (!_pieces.TryDequeue(out var next))
            return false;
        (_now, _at) = (next.GetAwaiter().GetResult(), 0);
        return true;
    }

    private async Task<byte[]> ReadAsync(long offset, int length)
    {
        var piece = new byte[length];
        await data.ReadAsync(offset, piece, _stop.Token).ConfigureAwait(false);
        return piece;
    }
}
