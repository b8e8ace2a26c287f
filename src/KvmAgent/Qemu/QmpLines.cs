using System.Net.Sockets;

namespace KvmAgent.Qemu;

/// <summary>Reads a socket line by line; no line may be longer than <paramref name="limit"/> bytes. Small while nothing comes.</summary>
internal sealed class QmpLines(Socket socket, int limit)
{
    private const int Usual = 4096, WorthShrinking = 64 << 10;

    private byte[] _buffer = new byte[Usual];
    private int _start;
    private int _end;

    /// <returns>The line without its newline, valid until the next call; null at the end of the stream.</returns>
    /// <exception cref="IOException">The line is too long, or the connection broke.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancel = default)
    {
        var searched = _start;
        while (true)
        {
            var newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + newline - _start);
                _start = searched + newline + 1;
                return line;
            }

            MakeRoom();
            searched = _end;
            var count = await ReceiveAsync(cancel).ConfigureAwait(false);
            if (count == 0)
            {
                return null;
            }

            _end += count;
        }
    }

    private async ValueTask<int> ReceiveAsync(CancellationToken cancel)
    {
        try
        {
            return await socket.ReceiveAsync(_buffer.AsMemory(_end), cancel).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private void MakeRoom()
    {
        var held = _end - _start;
        if (held > limit)
        {
            throw new IOException($"a line is longer than {limit} bytes");
        }

        if (held == _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Min(2 * held, limit + 1));
        }
        else if (held == 0 && _buffer.Length > WorthShrinking)
        {
            _buffer = new byte[Usual];
        }
        else if (_start > 0)
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
        }

        (_start, _end) = (0, held);
    }
}
