using System.Net.Sockets;
using System.Threading.Channels;

namespace KvmAgent.Qemu;

/// <summary>
/// One who watches the console: gets the scrollback and then what is printed, at its own pace. What it misses by being slower than
/// 64 KiB is said to it; it never delays the guest, and costs the same buffer whatever happens.
/// </summary>
internal sealed class ConsoleAttacher(Socket socket, ConsoleScrollback scrollback) : IDisposable
{
    private const int MostNotices = 8;

    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private readonly Channel<bool> _wake =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Queue<(long At, string Text)> _notices = [];
    private readonly byte[] _output = new byte[4096];
    private long _position;
    private int _held;

    /// <summary>Whether it had the keyboard and lost it to another.</summary>
    public bool Superseded { get; set; }

    /// <summary>Whether it was told that what it types goes nowhere.</summary>
    public bool Warned { get; set; }

    /// <summary>Passes bytes both ways until the other side leaves.</summary>
    public async Task RunAsync(Func<ReadOnlyMemory<byte>, Task> input)
    {
        Wake();
        var sending = SendAsync();
        var receiving = ReceiveAsync(input);
        await Task.WhenAny(sending, receiving).ConfigureAwait(false);
        Dispose();
        await Task.WhenAll(sending, receiving).ConfigureAwait(false);
    }

    /// <summary>Says that there may be something new.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Shows a line of the agent's own, behind what the guest has printed so far.</summary>
    public void Say(string text)
    {
        lock (_notices)
        {
            if (_notices.Count < MostNotices)
            {
                _notices.Enqueue((scrollback.End, text));
            }
        }

        Wake();
    }

    /// <summary>Lets it go once it has got what there is.</summary>
    public void Finish() => _wake.Writer.TryComplete();

    public void Dispose()
    {
        _wake.Writer.TryComplete();
        _stream.Dispose();
    }

    private async Task ReceiveAsync(Func<ReadOnlyMemory<byte>, Task> input)
    {
        var buffer = new byte[1024];
        try
        {
            while (await _stream.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count)
            {
                await input(buffer.AsMemory(0, count)).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It left without a goodbye.
        }
    }

    private async Task SendAsync()
    {
        try
        {
            while (await _wake.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                _wake.Reader.TryRead(out _);
                while (Next() is { IsEmpty: false } bytes)
                {
                    await _stream.WriteAsync(bytes).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It left.
        }
    }

    private ReadOnlyMemory<byte> Next()
    {
        if (_held > 0)
        {
            var held = _output.AsMemory(0, _held);
            _held = 0;
            return held;
        }

        lock (_notices)
        {
            if (_notices.TryPeek(out var notice) && notice.At <= _position)
            {
                return ConsoleServer.Notice(_notices.Dequeue().Text);
            }
        }

        var fresh = _position == 0;
        var count = scrollback.Read(ref _position, _output, out var skipped);
        if (skipped == 0 || fresh)
        {
            return _output.AsMemory(0, count);
        }

        _held = count;
        return ConsoleServer.Notice($"{skipped} bytes left out, as this console takes them slower than the guest prints");
    }
}
