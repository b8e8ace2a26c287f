namespace KvmAgent.Kubernetes;

/// <summary>Fills at a rate up to a size; who takes a token that is not there yet waits until it is. Not for several threads.</summary>
internal sealed class TokenBucket(double ratePerSecond, int size, TimeProvider time)
{
    private double _tokens = size;
    private long _at = time.GetTimestamp();

    /// <returns>How long to wait.</returns>
    public TimeSpan Take()
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(size, _tokens + (time.GetElapsedTime(_at, now).TotalSeconds * ratePerSecond)) - 1;
        _at = now;
        return _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / ratePerSecond);
    }
}
