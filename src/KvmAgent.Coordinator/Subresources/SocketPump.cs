using System.Buffers;
using System.Net.WebSockets;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Hands the frames of two WebSockets over to one another, until one of them ends.</summary>
internal static class SocketPump
{
    private const int FrameLength = 64 << 10;

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <param name="client">Is told where another has taken over.</param>
    public static async Task RunAsync(WebSocket client, WebSocket agent, CancellationToken stop)
    {
        // Not linked to stop: a receive that is cancelled aborts its socket, and no farewell would come through.
        using var end = new CancellationTokenSource();
        var up = CopyAsync(client, agent, end.Token);
        var down = CopyAsync(agent, client, end.Token);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(stopped.SetResult))
        {
            await Task.WhenAny(up, down, stopped.Task).ConfigureAwait(false);
        }

        await TakeLeaveAsync(client, up, agent.CloseStatus == LinkProtocol.TakenOver).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(up, down).ConfigureAwait(false);
    }

    private static async Task TakeLeaveAsync(WebSocket client, Task reading, bool takenOver)
    {
        if (client.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
        {
            return;
        }

        var (status, why) = takenOver ? (WebSocketCloseStatus.PolicyViolation, "taken over by another client") : (WebSocketCloseStatus.NormalClosure, "");
        using var limit = new CancellationTokenSource(Farewell, TimeProvider.System);
        try
        {
            await client.CloseOutputAsync(status, why, limit.Token).ConfigureAwait(false);
            // Its answer, so that nothing that is under way is lost to a reset.
            await reading.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // It takes nothing any more.
        }
    }

    private static async Task CopyAsync(WebSocket from, WebSocket to, CancellationToken stop)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(FrameLength);
        try
        {
            while (true)
            {
                var part = await from.ReceiveAsync(buffer.AsMemory(), stop).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                await to.SendAsync(buffer.AsMemory(0, part.Count), WebSocketMessageType.Binary, part.EndOfMessage, stop).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One of both is gone, or the stream is over.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
