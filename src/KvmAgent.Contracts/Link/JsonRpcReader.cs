using System.Buffers;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;

namespace KvmAgent.Contracts.Link;

/// <summary>Reads whole messages of a WebSocket up to <see cref="LinkProtocol.LongestMessage"/>; of a longer one no more than that is kept.</summary>
internal sealed class JsonRpcReader(WebSocket socket)
{
    private const int Usual = 4 << 10;

    /// <summary>Rented while there is a message: thousands of links wait for one most of the time.</summary>
    private byte[] _buffer = [];

    public enum Kind
    {
        Text,
        Binary,
        TooLong,
        Closed,
    }

    /// <summary>Reads to the other end's goodbye and keeps nothing.</summary>
    public async Task DrainAsync(CancellationToken stop)
    {
        var nowhere = new byte[Usual];
        while ((await socket.ReceiveAsync(nowhere.AsMemory(), stop).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
        {
        }
    }

    /// <returns>The text is good until the next call.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(Kind Kind, ReadOnlyMemory<byte> Text)> ReadAsync(CancellationToken stop)
    {
        Return();
        var length = 0;
        while (true)
        {
            // Of no bytes, first: it completes when there are some.
            var part = await socket.ReceiveAsync(_buffer.AsMemory(length), stop).ConfigureAwait(false);
            length += part.Count;
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return (Kind.Closed, default);
            }

            if (part.EndOfMessage)
            {
                return (part.MessageType == WebSocketMessageType.Text ? Kind.Text : Kind.Binary, _buffer.AsMemory(0, length));
            }

            if (length == _buffer.Length)
            {
                if (length >= LinkProtocol.LongestMessage)
                {
                    return (Kind.TooLong, default);
                }

                Grow(length);
            }
        }
    }

    private void Grow(int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Clamp(length * 2, Usual, LinkProtocol.LongestMessage));
        _buffer.AsSpan(0, length).CopyTo(larger);
        Return();
        _buffer = larger;
    }

    private void Return()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }
}
