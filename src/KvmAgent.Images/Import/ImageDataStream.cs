using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>
/// An image's bytes in order, some pieces ahead of who reads them: over a slow link as many connections as pieces. Reads block, as
/// decoders want it.
/// </summary>
/// <param name="data">The image.</param>
/// <param name="ahead">How many pieces are asked for at once; one more is being read.</param>
/// <param name="ct">Ends what waits.</param>
/// <param name="from">The first byte.</param>
internal sealed class ImageDataStream(IImageData data, int ahead, CancellationToken ct, long from = 0) : PieceStream
{
    public const int Piece = Chunk.MaxLength;

    private readonly Queue<Task<ArraySegment<byte>>> _pieces = [];
    private readonly Stack<byte[]> _free = [];
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
    private ArraySegment<byte> _now = ArraySegment<byte>.Empty;
    private long _asked = from;

    protected override void Release()
    {
        _stop.Cancel();
        Task.WhenAll(_pieces).ContinueWith(static _ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        _stop.Dispose();
    }

    protected override ReadOnlyMemory<byte> Next()
    {
        if (_now.Array is { Length: > 0 } used)
            _free.Push(used);
        while (_pieces.Count < ahead && _asked < data.Length)
        {
            _pieces.Enqueue(ReadAsync(_asked, (int)Math.Min(Piece, data.Length - _asked)));
            _asked += Piece;
        }
        _now = ArraySegment<byte>.Empty;
        if (_pieces.TryDequeue(out var next))
            _now = next.GetAwaiter().GetResult();
        return _now;
    }

    private async Task<ArraySegment<byte>> ReadAsync(long offset, int length)
    {
        var piece = new ArraySegment<byte>(_free.TryPop(out var free) ? free : new byte[Piece], 0, length);
        await data.ReadAsync(offset, piece, _stop.Token).ConfigureAwait(false);
        return piece;
    }
}
