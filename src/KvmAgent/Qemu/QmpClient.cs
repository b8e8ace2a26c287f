using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;

namespace KvmAgent.Qemu;

/// <summary>
/// QEMU's control connection (QMP: JSON objects, one a line, docs/interop/qmp-spec). QEMU greets, we leave the negotiation mode, and
/// from then on one loop reads: replies go to whoever sent the command with that id, events to <see cref="Events"/> in their order.
/// Nothing runs between messages. The connection ends with QEMU, and with it the events and every command under way.
/// QEMU reads guest input all day and may have been taken over by it: what it sends is bounded and checked like a stranger's.
/// </summary>
internal sealed class QmpClient : IAsyncDisposable
{
    private const int LongestMessage = 16 << 20;
    private static readonly TimeSpan UsualLimit = TimeSpan.FromSeconds(10);

    private readonly NetworkStream _stream;
    private readonly QmpLines _lines;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, TaskCompletionSource<JsonElement>> _pending = [];
    private readonly SemaphoreSlim _sending = new(1);
    private readonly Channel<QmpEvent> _events =
        Channel.CreateUnbounded<QmpEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private long _lastId;
    private IOException? _ended;

    private QmpClient(Socket socket, TimeProvider time)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _lines = new QmpLines(socket, LongestMessage);
        _time = time;
    }

    /// <summary>QEMU's version, such as 7.2.22.</summary>
    public string Version { get; private set; } = "";

    /// <summary>
    /// Every event since the connection was made, in order, for one reader. Ends with the connection: quietly when QEMU is gone,
    /// with an <see cref="IOException"/> when it broke the protocol. Not bounded, as no event may be lost: somebody must read it.
    /// </summary>
    public ChannelReader<QmpEvent> Events => _events.Reader;

    /// <summary>Completes when the connection has ended; never faults.</summary>
    public Task Closed { get; private set; } = Task.CompletedTask;

    /// <summary>Waits for QEMU to open its socket, and makes the connection ready for commands.</summary>
    /// <param name="path">QEMU's <c>-qmp unix:PATH,server=on,wait=off</c>.</param>
    /// <param name="limit">How long all of this may take.</param>
    /// <param name="processExited">Completes when QEMU has ended.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="IOException">QEMU ended, or this is not QMP.</exception>
    /// <exception cref="TimeoutException">QEMU took too long.</exception>
    public static async Task<QmpClient> ConnectAsync(
        string path, TimeSpan limit, Task processExited, TimeProvider time, CancellationToken cancel = default)
    {
        var started = time.GetTimestamp();
        var client = new QmpClient(await QmpSocket.ConnectAsync(path, limit, processExited, time, cancel).ConfigureAwait(false), time);
        try
        {
            await client.OpenAsync().WaitAsync(Left(), time, cancel).ConfigureAwait(false);
            return client;
        }
        catch (Exception e)
        {
            await client.DisposeAsync().ConfigureAwait(false);
            if (e is TimeoutException)
            {
                throw new TimeoutException($"QEMU opened {path} but did not greet within {limit.TotalSeconds:0.###} s", e);
            }

            throw;
        }

        TimeSpan Left() => limit - time.GetElapsedTime(started) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Runs one command. Several may be under way at once; a late answer to one that was given up is dropped.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="arguments">Writes the properties of the arguments' object.</param>
    /// <param name="limit">How long to wait for the answer; 10 s where it is not given.</param>
    /// <param name="cancel">Ends the waiting, not the command.</param>
    /// <returns>What the command returned.</returns>
    /// <exception cref="QmpException">QEMU refused it.</exception>
    /// <exception cref="IOException">The connection ended first.</exception>
    /// <exception cref="TimeoutException">No answer in time.</exception>
    public async Task<JsonElement> ExecuteAsync(
        string command, Action<Utf8JsonWriter>? arguments = null, TimeSpan? limit = null, CancellationToken cancel = default)
    {
        var within = limit ?? UsualLimit;
        try
        {
            return await ExchangeAsync(command, arguments).WaitAsync(within, _time, cancel).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"QEMU did not answer {command} within {within.TotalSeconds:0.###} s", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        End(new IOException("the control connection was closed"), null);
        await Closed.ConfigureAwait(false);
    }

    /// <summary>A message that has begun must be sent whole: giving up is the caller's affair.</summary>
    private async Task<JsonElement> ExchangeAsync(string command, Action<Utf8JsonWriter>? arguments)
    {
        var reply = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = QmpMessage.Command(command, arguments, Register(reply));
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            await _stream.WriteAsync(message).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            End(new IOException($"QEMU closed its control connection: {e.Message}", e), null);
        }
        finally
        {
            _sending.Release();
        }

        return await reply.Task.ConfigureAwait(false);
    }

    private long Register(TaskCompletionSource<JsonElement> reply)
    {
        lock (_gate)
        {
            if (_ended is not null)
            {
                throw new IOException(_ended.Message, _ended);
            }

            _pending.Add(++_lastId, reply);
            return _lastId;
        }
    }

    private async Task OpenAsync()
    {
        var line = await _lines.ReadAsync().ConfigureAwait(false) ?? throw new IOException("QEMU ended before it greeted");
        Version = QmpMessage.Greeting(line);
        Closed = ReadAsync();
        await ExchangeAsync("qmp_capabilities", null).ConfigureAwait(false);
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _lines.ReadAsync().ConfigureAwait(false) is { } line)
            {
                Dispatch(QmpMessage.Parse(line));
            }

            End(new IOException("QEMU closed its control connection"), null);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // A killed QEMU resets the connection, which is an end like any other; what it sent in error is not.
            End(new IOException($"the control connection broke: {e.Message}", e), e.InnerException is SocketException ? null : e);
        }
    }

    private void Dispatch(QmpMessage message)
    {
        if (message.Event is { } happened)
        {
            _events.Writer.TryWrite(happened);
            return;
        }

        TaskCompletionSource<JsonElement>? reply;
        lock (_gate)
        {
            _pending.Remove(message.Id, out reply);
        }

        if (message.Error is { } error)
        {
            reply?.TrySetException(error);
        }
        else
        {
            reply?.TrySetResult(message.Result);
        }
    }

    /// <param name="reason">For the commands under way and those to come.</param>
    /// <param name="fault">For the reader of the events, where QEMU did not just end.</param>
    private void End(IOException reason, Exception? fault)
    {
        TaskCompletionSource<JsonElement>[] waiting;
        lock (_gate)
        {
            _ended ??= reason;
            waiting = [.. _pending.Values];
            _pending.Clear();
        }

        foreach (var reply in waiting)
        {
            reply.TrySetException(new IOException(_ended.Message, _ended));
        }

        _events.Writer.TryComplete(fault);
        _stream.Dispose();
    }
}
