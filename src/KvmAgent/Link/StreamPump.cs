using System.Net.WebSockets;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Link;

/// <summary>
/// Passes bytes between a WebSocket and our end until one of them closes; the other then gets what is under way, and is closed. One buffer
/// each way: who takes slowly makes the other wait.
/// </summary>
internal static class StreamPump
{
    private const int Buffer = 16 << 10;
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    /// <param name="lost">Another client has it now: the other end is told so.</param>
    public static async Task RunAsync(WebSocket socket, StreamTarget target, TimeProvider time, CancellationToken lost, CancellationToken cancel)
    {
        // What is read there ends, as at an end of its own.
        using var losing = lost.Register(target.Bytes.Dispose);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var up = UpAsync(socket, target, lost, ending.Token);
        var down = DownAsync(socket, target, ending.Token);
        if (await Task.WhenAny(up, down).ConfigureAwait(false) == up && up.IsCompletedSuccessfully)
        {
            // Our goodbye is sent: the other end's ends the reading.
            await Task.WhenAny(down, Task.Delay(Farewell, time, ending.Token)).ConfigureAwait(false);
        }
        else if (socket.State == WebSocketState.CloseReceived)
        {
            // It has said goodbye: so do we, unless a frame is under way.
            await target.Bytes.DisposeAsync().ConfigureAwait(false);
            await Task.WhenAny(up, Task.Delay(Farewell, time, ending.Token)).ConfigureAwait(false);
        }

        await ending.CancelAsync().ConfigureAwait(false);
        socket.Abort();
        await target.Bytes.DisposeAsync().ConfigureAwait(false);
        await up.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await down.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends with a goodbye when our end has ended.</summary>
    private static async Task UpAsync(WebSocket socket, StreamTarget target, CancellationToken lost, CancellationToken stop)
    {
        var buffer = new byte[target.Datagrams ? LinkProtocol.LongestFrame : Buffer];
        while (await ReadAsync(target.Bytes, buffer, stop).ConfigureAwait(false) is > 0 and var count)
        {
            await socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, endOfMessage: true, stop).ConfigureAwait(false);
        }

        var (status, why) = lost.IsCancellationRequested ? (LinkProtocol.TakenOver, "taken over by another client") : (WebSocketCloseStatus.NormalClosure, null);
        await socket.CloseOutputAsync(status, why, stop).ConfigureAwait(false);
    }

    private static async ValueTask<int> ReadAsync(Stream stream, byte[] buffer, CancellationToken stop)
    {
        try
        {
            return await stream.ReadAsync(buffer, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // An end like any other.
            return 0;
        }
    }

    /// <summary>Ends when the other end says goodbye.</summary>
    private static async Task DownAsync(WebSocket socket, StreamTarget target, CancellationToken stop)
    {
        var buffer = new byte[target.Datagrams ? LinkProtocol.LongestFrame : Buffer];
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), stop).ConfigureAwait(false);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return;
            }

            length += part.Count;
            if (target.Datagrams && !part.EndOfMessage)
            {
                // No datagram is that long: nothing of it is passed on.
                if (length == buffer.Length)
                {
                    throw new IOException("a datagram is too long");
                }

                continue;
            }

            await target.Bytes.WriteAsync(buffer.AsMemory(0, length), stop).ConfigureAwait(false);
            length = 0;
        }
    }
}
