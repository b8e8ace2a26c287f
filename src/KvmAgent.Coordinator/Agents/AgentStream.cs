using System.Net.WebSockets;

namespace KvmAgent.Coordinator.Agents;

/// <summary>A stream that an agent has dialled: binary frames both ways. Who has it must read it, also where it is idle: pings are answered by reading.</summary>
internal sealed class AgentStream(WebSocket socket, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WebSocket Socket { get; } = socket;

    /// <summary>Completes when it was disposed of.</summary>
    public Task Done => _done.Task;

    /// <exception cref="IOException">It is longer than that, or did not come to its end.</exception>
    public async Task<byte[]> ReadToEndAsync(int longest, CancellationToken cancel)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16 << 10];
        try
        {
            while (true)
            {
                var part = await Socket.ReceiveAsync(buffer.AsMemory(), cancel).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return Socket.CloseStatus == WebSocketCloseStatus.NormalClosure
                        ? all.ToArray()
                        : throw new IOException($"the agent broke the stream off: {Socket.CloseStatusDescription}");
                }

                all.Write(buffer.AsSpan(0, part.Count));
                if (all.Length > longest)
                {
                    throw new IOException($"the agent sent more than {longest} bytes");
                }
            }
        }
        catch (WebSocketException e)
        {
            throw new IOException($"the stream broke: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(Farewell, time);
            if (Socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token).ConfigureAwait(false);
            }

            // The agent's answer, so that nothing of ours that is under way is lost to an abort.
            var rest = new byte[4 << 10];
            while (Socket.State == WebSocketState.CloseSent)
            {
                await Socket.ReceiveAsync(rest.AsMemory(), limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
        {
            // It has broken, or a frame is under way that nobody takes.
        }

        Socket.Abort();
        _done.TrySetResult();
    }
}
