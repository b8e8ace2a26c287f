using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace KvmAgent.Images.Layers;

/// <summary>
/// Reads another stream on a thread of its own, some buffers ahead, so that fetching, unpacking and writing go on at the same time, as
/// in a pipe of programs. What the other throws comes out here.
/// </summary>
internal sealed class ReadAhead : PieceStream
{
    private const int BufferSize = 256 << 10, Buffers = 8;

    private readonly Stream _inner;
    private readonly BlockingCollection<ArraySegment<byte>> _full = new(Buffers);
    private readonly ConcurrentBag<byte[]> _empty = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;
    private ArraySegment<byte> _now;
    private ExceptionDispatchInfo? _fault;

    public ReadAhead(Stream inner)
    {
        _inner = inner;
        _reading = OwnThread.RunAsync(Fill, CancellationToken.None);
    }

    protected override ReadOnlyMemory<byte> Next()
    {
        if (_now.Array is { } used)
            _empty.Add(used);
        _now = default;
        if (!_full.TryTake(out _now, Timeout.Infinite))
            _fault?.Throw();
        return _now;
    }

    protected override void Release()
    {
        // A decoder must not be taken from under the thread that uses it. What waits for a server is ended by whoever opened it.
        _stop.Cancel();
        _reading.Wait();
        _inner.Dispose();
        _full.Dispose();
        _stop.Dispose();
    }

    private void Fill()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                var buffer = _empty.TryTake(out var used) ? used : new byte[BufferSize];
                var count = _inner.ReadAtLeast(buffer, BufferSize, throwOnEndOfStream: false);
                if (count > 0)
                    _full.Add(new ArraySegment<byte>(buffer, 0, count), _stop.Token);
                if (count < BufferSize)
                    break;
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads any longer.
        }
        catch (Exception e)
        {
            _fault = ExceptionDispatchInfo.Capture(e);
        }
        _full.CompleteAdding();
    }
}
