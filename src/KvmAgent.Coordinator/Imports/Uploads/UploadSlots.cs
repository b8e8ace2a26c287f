using System.Collections.Concurrent;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>Somebody's image, or what is missing of it, as it comes.</summary>
/// <param name="Offset">Where in the image it begins.</param>
/// <param name="Length">In bytes; null where it is not announced.</param>
/// <param name="Total">Of the whole image, likewise.</param>
internal sealed record Upload(Stream Content, long Offset, long? Length, long? Total)
{
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done when the importer has all of it; fails where it does not take it.</summary>
    public Task Taken => _taken.Task;

    public void End(Exception? failure)
    {
        if (failure is null)
        {
            _taken.TrySetResult();
        }
        else
        {
            _taken.TrySetException(failure);
        }
    }
}

/// <summary>An importer that waits.</summary>
/// <param name="offset">How many bytes it has.</param>
/// <param name="total">Of how many, as far as it knows.</param>
internal sealed class UploadSlot(long offset, long? total)
{
    public long Offset => offset;

    public long? Total => total;

    public TaskCompletionSource<Upload> Given { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <returns>Whether the importer takes it.</returns>
    public bool Give(Upload upload) => Given.TrySetResult(upload);
}

/// <summary>Importers that wait at this replica for what is sent, by the UID of their claim.</summary>
internal sealed class UploadSlots
{
    private readonly ConcurrentDictionary<string, UploadSlot> _waiting = [];
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until somebody sends the claim's image. Of two that wait for one claim the later counts.</summary>
    public async Task<Upload> WaitAsync(string claimUid, UploadSlot slot, CancellationToken gone)
    {
        _waiting[claimUid] = slot;
        Interlocked.Exchange(ref _arrival, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        try
        {
            return await slot.Given.Task.WaitAsync(gone).ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(KeyValuePair.Create(claimUid, slot));
            if (!slot.Given.TrySetCanceled(CancellationToken.None) && gone.IsCancellationRequested)
            {
                // It came in the very moment in which the importer went.
                slot.Given.Task.Result.End(new IOException("the importer is gone"));
            }
        }
    }

    /// <param name="patience">An importer that has just been cut off, or has taken a part, asks again in a moment.</param>
    /// <returns>Null where none waits.</returns>
    public async Task<UploadSlot?> FindAsync(string claimUid, TimeSpan patience, TimeProvider time, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        while (true)
        {
            // Before the look, so that none is missed between the two.
            var arrival = Volatile.Read(ref _arrival).Task;
            if (_waiting.TryGetValue(claimUid, out var slot))
            {
                return slot;
            }

            await arrival.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested)
            {
                return null;
            }
        }
    }
}
