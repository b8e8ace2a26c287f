using System.Collections.Concurrent;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>Somebody's image, as it comes.</summary>
/// <param name="Length">In bytes; null where it is not announced.</param>
internal sealed record Upload(Stream Content, long? Length)
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

/// <summary>Importers that wait at this replica for what is sent, by the UID of their claim.</summary>
internal sealed class UploadSlots
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Upload>> _waiting = [];

    /// <summary>Waits until somebody sends the claim's image. Of two that wait for one claim the later counts.</summary>
    public async Task<Upload> WaitAsync(string claimUid, CancellationToken gone)
    {
        var slot = new TaskCompletionSource<Upload>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[claimUid] = slot;
        try
        {
            return await slot.Task.WaitAsync(gone).ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(new KeyValuePair<string, TaskCompletionSource<Upload>>(claimUid, slot));
            if (!slot.TrySetCanceled(CancellationToken.None) && gone.IsCancellationRequested)
            {
                // It came in the very moment in which the importer went.
                slot.Task.Result.End(new IOException("the importer is gone"));
            }
        }
    }

    /// <returns>Whether an importer takes it.</returns>
    public bool Give(string claimUid, Upload upload) => _waiting.TryGetValue(claimUid, out var slot) && slot.TrySetResult(upload);
}
