namespace KvmAgent.Coordinator.Agents;

/// <summary>How fast one agent is read: a bucket of tokens that holds two seconds' worth.</summary>
internal sealed class MessageRate(int perSecond, TimeProvider time)
{
    private double _tokens = 2 * perSecond;
    private long _filled = time.GetTimestamp();

    /// <summary>Takes a token, and waits for it where there is none.</summary>
    public async Task WaitAsync(CancellationToken cancel)
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(2 * perSecond, _tokens + (time.GetElapsedTime(_filled, now).TotalSeconds * perSecond)) - 1;
        _filled = now;
        if (_tokens < 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(-_tokens / perSecond), time, cancel).ConfigureAwait(false);
        }
    }
}
