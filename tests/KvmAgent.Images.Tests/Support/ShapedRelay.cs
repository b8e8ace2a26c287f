using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace KvmAgent.Images.Tests.Support;

/// <summary>
/// A TCP relay on 127.0.0.1 that makes a server distant: half the round trip later each way, a round trip before the first byte for
/// the connection's setup, and a rate of its own for each connection, each way. For kernels without netem.
/// </summary>
internal sealed class ShapedRelay : IAsyncDisposable
{
    private const int PieceSize = 16 * 1024;

    /// <summary>4 MiB on their way: a window that is not the limit. Beyond them the sender waits.</summary>
    private const int Pieces = 256;

    /// <summary>What a late timer may make up for: without it the rate would be less than asked for, with more of it there would be bursts.</summary>
    private static readonly TimeSpan Lateness = TimeSpan.FromMilliseconds(50);

    private readonly TcpListener _listener;
    private readonly int _target;
    private readonly TimeSpan _roundTrip;
    private readonly long _rate;
    private readonly CancellationTokenSource _end = new();
    private readonly HashSet<Task> _running = [];
    private readonly Task _accepting;

    /// <param name="target">The port on 127.0.0.1 that is relayed to.</param>
    /// <param name="roundTrip">Of which each way has half.</param>
    /// <param name="rate">Bytes a second.</param>
    /// <param name="port">Where it listens; 0 for any.</param>
    public ShapedRelay(int target, TimeSpan roundTrip, long rate, int port = 0)
    {
        (_target, _roundTrip, _rate) = (target, roundTrip, rate);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start(64);
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _accepting;
        _listener.Stop();
        await Task.WhenAll(_running);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _running.RemoveWhere(task => task.IsCompletedSuccessfully);
                _running.Add(RelayAsync(await _listener.AcceptSocketAsync(_end.Token)));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var _ = client;
        client.NoDelay = true;
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        try
        {
            // The kernel accepted at once; from afar that would have taken a round trip.
            await Task.Delay(_roundTrip, TimeProvider.System, broken.Token);
            await server.ConnectAsync(IPAddress.Loopback, _target, broken.Token);
            await Task.WhenAll(WayAsync(client, server, broken), WayAsync(server, client, broken));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // One side broke off, or the relay ends: neither side may take what it got for all there was.
            client.LingerState = server.LingerState = new LingerOption(true, 0);
        }
    }

    private async Task WayAsync(Socket from, Socket to, CancellationTokenSource broken)
    {
        var way = Channel.CreateBounded<Piece>(Pieces);
        await Task.WhenAll(UntilBrokenAsync(TakeAsync(from, way.Writer, broken.Token), broken), UntilBrokenAsync(GiveAsync(way.Reader, to, broken.Token), broken));
    }

    private static async Task UntilBrokenAsync(Task end, CancellationTokenSource broken)
    {
        try
        {
            await end;
        }
        catch
        {
            await broken.CancelAsync();
            throw;
        }
    }

    /// <summary>An empty piece is the sender's end: it travels as long as the bytes do.</summary>
    private static async Task TakeAsync(Socket from, ChannelWriter<Piece> way, CancellationToken ct)
    {
        int count;
        do
        {
            var buffer = new byte[PieceSize];
            count = await from.ReceiveAsync(buffer, ct);
            await way.WriteAsync(new Piece(Now, buffer.AsMemory(0, count)), ct);
        }
        while (count > 0);
    }

    private async Task GiveAsync(ChannelReader<Piece> way, Socket to, CancellationToken ct)
    {
        var free = TimeSpan.Zero;
        while (true)
        {
            var piece = await way.ReadAsync(ct);
            var leaves = Latest(piece.Taken + _roundTrip / 2, free, Now - Lateness);
            await WaitAsync(leaves, ct);
            if (piece.Bytes.Length == 0)
                break;
            // What takes its time on the line arrives when its last byte does.
            free = leaves + TimeSpan.FromSeconds((double)piece.Bytes.Length / _rate);
            await WaitAsync(free, ct);
            for (var rest = piece.Bytes; rest.Length > 0;)
                rest = rest[await to.SendAsync(rest, ct)..];
        }
        to.Shutdown(SocketShutdown.Send);
    }

    private static TimeSpan Now => TimeProvider.System.GetElapsedTime(0);

    private static TimeSpan Latest(params ReadOnlySpan<TimeSpan> times)
    {
        var latest = times[0];
        foreach (var time in times)
            latest = time > latest ? time : latest;
        return latest;
    }

    private static async Task WaitAsync(TimeSpan until, CancellationToken ct)
    {
        // Timers count in whole milliseconds, and must not end early.
        while (until - Now is var left && left > TimeSpan.Zero)
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), TimeProvider.System, ct);
    }

    private readonly record struct Piece(TimeSpan Taken, ReadOnlyMemory<byte> Bytes);
}
