using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace KvmAgent.Images.Layers;

/// <summary>
/// Reads another stream on a thread of its own, some buffers ahead, so that fetching, unpacking and writing go on at the same time, as
/// in a pipe of programs. What the other throws comes out here.
/// </summary>
internal sealed class ReadAhead : ReadOnlyStream
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
        _reading = Task.Factory.StartNew(Fill, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_now.Count == 0 && !TryNext())
            return 0;
        var count = Math.Min(buffer.Length, _now.Count);
        _now.AsSpan(0, count).CopyTo(buffer);
        _now = _now[count..];
        return count;
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

    private bool TryNext()
    {
        if (_now.Array is { } used)
            _empty.Add(used);
        _now = default;
        if (_full.TryTake(out _now, Timeout.Infinite))
            return true;
        _fault?.Throw();
        return false;
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
