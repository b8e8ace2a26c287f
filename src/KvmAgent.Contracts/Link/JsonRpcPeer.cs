using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Contracts.Link;

/// <summary>
/// One end of JSON-RPC 2.0 over a WebSocket, a text frame a message. The other end is a stranger: messages are bounded in length, in how
/// many are answered at once and in how long it may take to receive them; one that makes no sense is answered with an error and passed
/// over, ten in a row end the link.
/// </summary>
/// <param name="socket">Open; it is the peer's from now on.</param>
/// <param name="handler">Answers the other end's requests.</param>
/// <param name="inOrder">One request at a time, in their order, rather than several at once.</param>
/// <param name="time">The clock.</param>
public sealed class JsonRpcPeer(WebSocket socket, JsonRpcHandler handler, bool inOrder, TimeProvider time) : IDisposable
{
    private const int MostUnderWay = 16, MostFaults = 10;
    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(30), Farewell = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _sending = new(1);
    private readonly Lock _gate = new();
    private readonly JsonRpcCalls _calls = new();
    private HashSet<Task>? _underWay;
    private readonly JsonRpcReader _reader = new(socket);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _faultsInARow;

    /// <summary>How many messages made no sense.</summary>
    public int Faults { get; private set; }

    /// <summary>Waited for before each message is read: who sends too fast is read slowly.</summary>
    public Func<CancellationToken, Task>? Pace { get; init; }

    /// <summary>Reads until either end closes; then no call is under way any more, and no answer.</summary>
    /// <returns>Why it ended: the other end's words, where it gave some.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the connection is aborted.</exception>
    public async Task<string> RunAsync(CancellationToken cancel)
    {
        // One request at a time is no longer under way when the reading ends: nothing else is to be cancelled then.
        using var ending = inOrder ? null : CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var why = "the connection broke";
        try
        {
            why = await ReadAsync(ending?.Token ?? cancel).ConfigureAwait(false);
        }
        catch (WebSocketException e)
        {
            why = e.Message;
        }
        finally
        {
            _calls.End(why);
            _ended.TrySetResult();
            if (ending is not null)
            {
                await ending.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(UnderWay()).ConfigureAwait(false);
            }
        }

        return why;
    }

    /// <exception cref="JsonRpcException">The other end refused, or too much is under way.</exception>
    /// <exception cref="IOException">The link ended, or the answer makes no sense.</exception>
    /// <exception cref="TimeoutException">No answer in time.</exception>
    public async Task<TResult> CallAsync<TParams, TResult>(
        string method,
        TParams parameters,
        JsonTypeInfo<TParams> type,
        JsonTypeInfo<TResult> resultType,
        TimeSpan limit,
        CancellationToken cancel)
    {
        var (id, answer) = _calls.Add();
        try
        {
            var message = JsonRpcMessage.Request(id, method, JsonSerializer.SerializeToElement(parameters, type));
            var result = await ExchangeAsync(message, answer).WaitAsync(limit, time, cancel).ConfigureAwait(false);
            return result.Deserialize(resultType) ?? throw new JsonException("it is null");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"no answer to {method} within {limit.TotalSeconds:0.###} s", e);
        }
        catch (JsonException e)
        {
            throw new IOException($"the answer to {method} makes no sense: {e.Message}", e);
        }
        finally
        {
            _calls.Remove(id);
        }
    }

    /// <summary>Says goodbye; <see cref="RunAsync"/> ends soon, if the other end does not answer by an abort.</summary>
    public async Task CloseAsync(WebSocketCloseStatus status, string why)
    {
        try
        {
            await SendAsync(stop => socket.CloseOutputAsync(status, Shorten(why), stop)).ConfigureAwait(false);
            await Task.WhenAny(_ended.Task, Task.Delay(Farewell, time)).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It has ended already.
        }

        socket.Abort();
    }

    public void Dispose()
    {
        _calls.End("closed by this end");
        socket.Dispose();
    }

    private async Task<string> ReadAsync(CancellationToken stop)
    {
        while (true)
        {
            await (Pace?.Invoke(stop) ?? Task.CompletedTask).ConfigureAwait(false);
            var (kind, text) = await _reader.ReadAsync(stop).ConfigureAwait(false);
            switch (kind)
            {
                case JsonRpcReader.Kind.Closed:
                    await SayGoodbyeAsync().ConfigureAwait(false);
                    return socket.CloseStatusDescription is { Length: > 0 } words ? words : $"closed by the other end ({socket.CloseStatus})";
                case JsonRpcReader.Kind.TooLong:
                    return await RefuseAsync(WebSocketCloseStatus.MessageTooBig, $"a message is longer than {LinkProtocol.LongestMessage >> 10} KiB", stop).ConfigureAwait(false);
                case JsonRpcReader.Kind.Text:
                    await TakeAsync(JsonRpcMessage.Parse(text), stop).ConfigureAwait(false);
                    break;
                default:
                    await TakeAsync(JsonRpcMessage.Fault(LinkErrors.InvalidRequest, "a frame is not text"), stop).ConfigureAwait(false);
                    break;
            }

            if (_faultsInARow >= MostFaults)
            {
                return await RefuseAsync(WebSocketCloseStatus.ProtocolError, $"{MostFaults} messages in a row make no sense", stop).ConfigureAwait(false);
            }
        }
    }

    private async Task TakeAsync(JsonRpcMessage message, CancellationToken stop)
    {
        (_faultsInARow, Faults) = message.Error is null || message.IsReply ? (0, Faults) : (_faultsInARow + 1, Faults + 1);
        if (message.IsReply)
        {
            _calls.Complete(message);
        }
        else if (message.Method is null)
        {
            await ReplyAsync(JsonRpcMessage.ErrorReply(message.Id, message.Error!)).ConfigureAwait(false);
        }
        else if (inOrder)
        {
            await AnswerAsync(message, stop).ConfigureAwait(false);
        }
        else if (UnderWay().Length >= MostUnderWay)
        {
            await ReplyAsync(JsonRpcMessage.ErrorReply(message.Id, new LinkError(LinkErrors.Busy, "too many requests are under way"))).ConfigureAwait(false);
        }
        else
        {
            Track(AnswerAsync(message, stop));
        }
    }

    private async Task AnswerAsync(JsonRpcMessage request, CancellationToken stop)
    {
        await ReplyAsync(await AnswerToAsync(request, stop).ConfigureAwait(false), request.Id is not null).ConfigureAwait(false);
    }

    private async Task<ReadOnlyMemory<byte>> AnswerToAsync(JsonRpcMessage request, CancellationToken stop)
    {
        LinkError error;
        try
        {
            var answer = JsonRpcMessage.Reply(request.Id, await handler(request.Method!, request.Parameters, stop).ConfigureAwait(false));
            if (answer.Length <= LinkProtocol.LongestMessage)
            {
                return answer;
            }

            error = new LinkError(LinkErrors.Internal, "the answer is too long for a message");
        }
        catch (JsonRpcException e)
        {
            error = new LinkError(e.Code, e.Message);
        }
        catch (JsonException e)
        {
            error = new LinkError(LinkErrors.InvalidParams, e.Message);
        }
        catch (OperationCanceledException)
        {
            error = new LinkError(LinkErrors.Internal, "the link ends");
        }
        catch (Exception)
        {
            // Whatever it was: the handler's own to log, and none of the other end's business.
            error = new LinkError(LinkErrors.Internal, "a fault of this end");
        }

        return JsonRpcMessage.ErrorReply(request.Id, error);
    }

    private async Task ReplyAsync(ReadOnlyMemory<byte> message, bool wanted = true)
    {
        try
        {
            if (wanted)
            {
                await SendAsync(message).ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
            // The reading end sees that too.
        }
    }

    private async Task<JsonElement> ExchangeAsync(ReadOnlyMemory<byte> message, Task<JsonElement> answer)
    {
        await SendAsync(message).ConfigureAwait(false);
        return await answer.ConfigureAwait(false);
    }

    private Task SendAsync(ReadOnlyMemory<byte> message) =>
        SendAsync(stop => socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, stop).AsTask());

    /// <summary>A message that has begun must be sent whole: giving up is the caller's affair, and an end that receives nothing is gone.</summary>
    private async Task SendAsync(Func<CancellationToken, Task> send)
    {
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            if (socket.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
            {
                throw new IOException("the link ends");
            }

            using var limit = new CancellationTokenSource(SendLimit, time);
            await send(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            socket.Abort();
            throw new IOException($"the link broke: {e.Message}", e);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>The answer to the other end's goodbye.</summary>
    private async Task SayGoodbyeAsync()
    {
        try
        {
            await SendAsync(stop => socket.State == WebSocketState.CloseReceived
                ? socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, stop)
                : Task.CompletedTask).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It did not wait for it.
        }
    }

    /// <summary>Says goodbye and listens to nothing any more, but reads on for a while: a reset would overtake our words.</summary>
    private async Task<string> RefuseAsync(WebSocketCloseStatus status, string why, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(Farewell, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await SendAsync(cancel => socket.CloseOutputAsync(status, Shorten(why), cancel)).ConfigureAwait(false);
            await _reader.DrainAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or WebSocketException || (e is OperationCanceledException && limit.IsCancellationRequested))
        {
            // It does not listen either.
        }

        return why;
    }

    private void Track(Task task)
    {
        lock (_gate)
        {
            _underWay ??= [];
            _underWay.RemoveWhere(static done => done.IsCompleted);
            _underWay.Add(task);
        }
    }

    private Task[] UnderWay()
    {
        lock (_gate)
        {
            return [.. (_underWay ?? []).Where(static task => !task.IsCompleted)];
        }
    }

    /// <summary>A close frame has room for 123 bytes of text.</summary>
    private static string Shorten(string text) => text.Length <= 100 ? text : text[..100];
}
