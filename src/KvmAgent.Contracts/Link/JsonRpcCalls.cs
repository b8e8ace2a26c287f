using System.Text.Json;

namespace KvmAgent.Contracts.Link;

/// <summary>The calls that wait for the other end's answer, by id.</summary>
internal sealed class JsonRpcCalls
{
    private const int Most = 256;

    private readonly Lock _gate = new();

    /// <summary>Null while none waits, which is nearly always: thousands of links have one of these.</summary>
    private Dictionary<long, TaskCompletionSource<JsonElement>>? _waiting;
    private long _lastId;
    private string? _ended;

    /// <exception cref="IOException">The link has ended.</exception>
    /// <exception cref="JsonRpcException">Too many wait.</exception>
    public (long Id, Task<JsonElement> Answer) Add()
    {
        lock (_gate)
        {
            if (_ended is not null)
            {
                throw new IOException(_ended);
            }

            if (_waiting?.Count >= Most)
            {
                throw new JsonRpcException(LinkErrors.Busy, $"{Most} requests wait for the other end already");
            }

            var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
            (_waiting ??= []).Add(++_lastId, answer);
            return (_lastId, answer.Task);
        }
    }

    public void Remove(long id)
    {
        lock (_gate)
        {
            Take(id);
        }
    }

    /// <summary>Takes a reply; one that nobody waits for any more is dropped.</summary>
    public void Complete(JsonRpcMessage reply)
    {
        TaskCompletionSource<JsonElement>? call = null;
        lock (_gate)
        {
            if (reply.Id is { ValueKind: JsonValueKind.Number } id && id.TryGetInt64(out var number))
            {
                call = Take(number);
            }
        }

        if (reply.Error is { } error)
        {
            call?.TrySetException(new JsonRpcException(error.Code, error.Message));
        }
        else
        {
            call?.TrySetResult(reply.Parameters);
        }
    }

    /// <summary>The link has ended: nobody answers any more.</summary>
    public void End(string why)
    {
        TaskCompletionSource<JsonElement>[] waiting;
        lock (_gate)
        {
            _ended ??= $"the link ended: {why}";
            waiting = [.. _waiting?.Values ?? Enumerable.Empty<TaskCompletionSource<JsonElement>>()];
            _waiting = null;
        }

        foreach (var call in waiting)
        {
            call.TrySetException(new IOException(_ended));
        }
    }

    private TaskCompletionSource<JsonElement>? Take(long id)
    {
        TaskCompletionSource<JsonElement>? call = null;
        if (_waiting?.Remove(id, out call) == true && _waiting.Count == 0)
        {
            _waiting = null;
        }

        return call;
    }
}
