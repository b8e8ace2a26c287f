namespace KvmAgent.Lifecycle;

/// <summary>The wish to stop: the first SIGTERM or SIGINT begins it, a second hurries.</summary>
internal sealed class StopSignal(TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly Lock _gate = new();

    /// <summary>Cancelled when stopping was asked for.</summary>
    public CancellationToken Requested => _requested.Token;

    /// <summary>Cancelled when it shall not take any longer.</summary>
    public CancellationToken Hurry => _hurry.Token;

    /// <summary>When it was first asked for, by <see cref="TimeProvider.GetTimestamp"/>; the grace period counts from here.</summary>
    public long RequestedAt { get; private set; }

    /// <summary>How long the guest may take instead of GRACE_PERIOD, where who asked said so.</summary>
    public TimeSpan? Grace { get; private set; }

    /// <param name="grace">How long the guest may take; null: as the settings say.</param>
    public void Raise(TimeSpan? grace = null)
    {
        lock (_gate)
        {
            Grace ??= grace;
            if (_requested.IsCancellationRequested)
            {
                _hurry.Cancel();
            }
            else
            {
                RequestedAt = time.GetTimestamp();
                _requested.Cancel();
            }
        }
    }

    public void Dispose()
    {
        _requested.Dispose();
        _hurry.Dispose();
    }
}
