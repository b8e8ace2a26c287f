namespace KvmAgent.Kubernetes;

/// <summary>0.5 s, doubled each time up to 30 s; a random part of it, so that many clients do not come back all at once.</summary>
internal sealed class Backoff
{
    private static readonly TimeSpan _first = TimeSpan.FromSeconds(0.5), _most = TimeSpan.FromSeconds(30);

    private TimeSpan _next = _first;

    public TimeSpan Next()
    {
        var delay = _next * (0.5 + (0.5 * Random.Shared.NextDouble()));
        _next = _next * 2 < _most ? _next * 2 : _most;
        return delay < _first ? _first : delay;
    }

    public void Reset() => _next = _first;
}
