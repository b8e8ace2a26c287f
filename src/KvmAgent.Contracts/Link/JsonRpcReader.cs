using System.Net.WebSockets;

namespace KvmAgent.Contracts.Link;

/// <summary>Reads whole messages of a WebSocket up to <see cref="LinkProtocol.LongestMessage"/>; of a longer one no more than that is kept.</summary>
internal sealed class JsonRpcReader(WebSocket socket)
{
    private const int Usual = 4 << 10;

    private byte[] _buffer = new byte[Usual];

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
        while ((await socket.ReceiveAsync(_buffer.AsMemory(), stop).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
        {
        }
    }

    /// <returns>The text is good until the next call.</returns>
    public async Task<(Kind Kind, ReadOnlyMemory<byte> Text)> ReadAsync(CancellationToken stop)
    {
        // A long message is rare: its buffer does not stay.
        _buffer = _buffer.Length > Usual ? new byte[Usual] : _buffer;
        var length = 0;
        while (true)
        {
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

                Array.Resize(ref _buffer, Math.Min(length * 2, LinkProtocol.LongestMessage));
            }
        }
    }
}
