namespace KvmAgent.Images.Store;

/// <summary>
/// Counts what arrives and tells the caller, seldom enough to be logged. One task at a time counts; others may have a word, and the
/// claim's heartbeat reads it meanwhile.
/// </summary>
internal sealed class FetchMeter(IProgress<FetchProgress>? progress, TimeProvider time, TimeSpan every)
{
    // The rate is a mean that forgets over about this time.
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(5);

    private volatile FetchProgress _now = new(0, null, 0, FetchPhase.Fetching, null);
    private readonly Lock _lock = new();
    private FetchProgress? _told;
    private long _toldAt;
    private bool _measured;

    public long Bytes => _now.Bytes;

    public long? Total => _now.Total;

    /// <summary>A new stage; its rate begins at zero.</summary>
    public void Begin(FetchPhase phase, long bytes, long? total, string? detail = null)
    {
        lock (_lock)
        {
            _measured = false;
            Tell(new(bytes, total, 0, phase, detail));
        }
    }

    public void At(long bytes) => Next(now => now with { Bytes = bytes, Detail = null });

    /// <summary>Something worth a word, as a retry and its cause.</summary>
    public void Note(string detail) => Next(now => now with { Detail = detail });

    public void Waiting(long bytes, long? total, string detail)
    {
        if (_now.Phase == FetchPhase.Waiting)
            Next(now => now with { Bytes = bytes, Total = total, Detail = detail });
        else
            Begin(FetchPhase.Waiting, bytes, total, detail);
    }

    private void Next(Func<FetchProgress, FetchProgress> change)
    {
        lock (_lock)
        {
            var next = change(_now);
            _now = next;
            var since = time.GetElapsedTime(_toldAt);
            if (_told is null || next.Detail is not null && next.Detail != _told.Detail)
                Tell(next);
            else if (since >= every)
                Tell(next with { BytesPerSecond = Rate(next.BytesPerSecond, Math.Max(0, next.Bytes - _told.Bytes) / since.TotalSeconds, since) });
        }
    }

    private void Tell(FetchProgress now)
    {
        (_now, _told, _toldAt) = (now, now, time.GetTimestamp());
        progress?.Report(now);
    }

    private double Rate(double mean, double latest, TimeSpan over)
    {
        if (!_measured)
            mean = latest;
        _measured = true;
        return mean + (latest - mean) * (1 - Math.Exp(-over / Memory));
    }
}
