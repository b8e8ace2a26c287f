using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>When the connection breaks.</summary>
public enum Drop
{
    No,

    /// <summary>Before the request does anything.</summary>
    Before,

    /// <summary>After it took effect; the client does not learn so.</summary>
    After,
}

/// <summary>What is to go wrong with one request.</summary>
public sealed record Fault
{
    /// <summary>Answer with this HTTP status and do nothing.</summary>
    public int? Status { get; init; }

    /// <summary>Of 429 and 503: the Retry-After header.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>Wait so long, by the server's TimeProvider, before anything else.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Wait for this before anything else.</summary>
    public Task? Until { get; init; }

    public Drop Drop { get; init; }
}

/// <summary>What goes wrong with the server. All of it can be changed at any moment.</summary>
public sealed class Faults
{
    private readonly Lock _gate = new();
    private readonly List<(Func<HttpRequest, bool> Matches, int Skip, int Times, Fault Fault)> _planned = [];
    private readonly World _world;
    private readonly Watches _watches;

    internal Faults(World world, Watches watches) => (_world, _watches) = (world, watches);

    /// <summary>Asked of each request; null: all is well.</summary>
    public Func<HttpRequest, Fault?>? OnRequest { get; set; }

    /// <summary>No connection is served, and those that are open break.</summary>
    public bool IsDown { get; private set; }

    /// <summary>Added to all the server's times, the Date header included.</summary>
    public TimeSpan ClockSkew
    {
        get => _world.ClockSkew;
        set => _world.ClockSkew = value;
    }

    internal event Action? WentDown;

    /// <summary>The requests that match get the fault: <paramref name="times"/> of them, after the first <paramref name="skip"/>.</summary>
    public void Add(Func<HttpRequest, bool> matches, Fault fault, int times = 1, int skip = 0)
    {
        lock (_gate)
        {
            _planned.Add((matches, skip, times, fault));
        }
    }

    public void Down()
    {
        IsDown = true;
        WentDown?.Invoke();
    }

    public void Up() => IsDown = false;

    /// <summary>All watches end, as when the server restarts in an orderly way.</summary>
    public void CloseWatches() => _watches.CloseAll();

    /// <summary>All watches get an ERROR event and end: their place in history is gone.</summary>
    public void ExpireWatches() => _watches.FailAll(ApiError.Expired("too old resource version"));

    /// <summary>Forgets the past: watches and lists that would begin before this moment get 410.</summary>
    public void CompactHistory()
    {
        lock (_world.Gate)
        {
            // Something has happened since, or no resourceVersion would be too old.
            _world.Advance();
            _world.CompactAll();
        }
    }

    internal Fault? For(HttpRequest request)
    {
        lock (_gate)
        {
            for (var i = 0; i < _planned.Count; i++)
            {
                var (matches, skip, times, fault) = _planned[i];
                if (!matches(request))
                {
                    continue;
                }

                if (skip > 0)
                {
                    _planned[i] = (matches, skip - 1, times, fault);
                }
                else
                {
                    _planned[i] = (matches, 0, times - 1, fault);
                    if (times <= 1)
                    {
                        _planned.RemoveAt(i);
                    }

                    return fault;
                }
            }
        }

        return OnRequest?.Invoke(request);
    }
}
