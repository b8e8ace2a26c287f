namespace KvmAgent.Lifecycle;

/// <summary>Where the agent waits with VM_ON_POWEROFF=hold until somebody says <c>kvm-agent start</c>.</summary>
internal sealed class HoldGate
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waiting;

    public async Task WaitAsync(CancellationToken cancel)
    {
        Task opened;
        lock (_gate)
        {
            _waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            opened = _waiting.Task;
        }

        await opened.WaitAsync(cancel).ConfigureAwait(false);
    }

    /// <returns>False where nobody waits: the guest is not powered off.</returns>
    public bool Open()
    {
        lock (_gate)
        {
            var opened = _waiting?.TrySetResult() ?? false;
            _waiting = null;
            return opened;
        }
    }
}
