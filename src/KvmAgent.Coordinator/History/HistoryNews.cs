namespace KvmAgent.Coordinator.History;

/// <summary>That something was written, for who waits for it in this process. What another replica writes is found by looking.</summary>
internal sealed class HistoryNews
{
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done when something is written from now on. To be taken before one looks.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    public void Tell() => Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
