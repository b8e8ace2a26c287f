using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace KvmAgent.Kubernetes;

/// <summary>
/// Keys to be worked on, as client-go's queue: a key is there once however often it is added, is never worked on by two at once, and
/// comes again when it is added while being worked on. What failed comes again later and later, and all failures together not faster
/// than a rate. Urgent keys come before the others, but for one in eight turns, so that the others are not forgotten.
/// </summary>
public sealed class WorkQueue<TKey>
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly WorkQueueOptions _options;
    private readonly Action<TKey, Exception>? _failed;
    private readonly TokenBucket _retries;
    private const int UrgentTurns = 7;

    /// <summary>One for each key in the two queues, of which some are there no more: they have been taken from the other queue meanwhile.</summary>
    private readonly Channel<bool> _ready = Channel.CreateUnbounded<bool>();
    private readonly Queue<TKey> _ordinary = [];
    private readonly Queue<TKey> _urgent = [];
    private int _urgentTurns;

    /// <summary>Wanted: ready, or being worked on and to come again; whether urgently.</summary>
    private readonly Dictionary<TKey, bool> _wanted = [];
    private readonly HashSet<TKey> _working = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly Dictionary<TKey, Waiting> _waiting = [];

    /// <param name="failed">Told of each exception; must not throw.</param>
    public WorkQueue(TimeProvider time, WorkQueueOptions? options = null, Action<TKey, Exception>? failed = null)
    {
        (_time, _options, _failed) = (time, options ?? new WorkQueueOptions(), failed);
        _retries = new TokenBucket(_options.RatePerSecond, _options.Burst, time);
    }

    private sealed record Waiting(long Due)
    {
        public ITimer? Timer { get; set; }
    }

    /// <param name="urgent">Before those that are not.</param>
    public void Add(TKey key, bool urgent = false)
    {
        lock (_gate)
        {
            if (_wanted.TryGetValue(key, out var already) && (already || !urgent))
            {
                return;
            }

            _wanted[key] = urgent;
            if (!_working.Contains(key))
            {
                Enqueue(key, urgent);
            }
        }
    }

    /// <summary>Of several for one key the earliest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = _time.GetTimestamp() + (long)(delay.TotalSeconds * _time.TimestampFrequency);
            if (_waiting.TryGetValue(key, out var earlier))
            {
                if (earlier.Due <= due)
                {
                    return;
                }

                earlier.Timer?.Dispose();
            }

            var waiting = new Waiting(due);
            _waiting[key] = waiting;
            waiting.Timer = _time.CreateTimer(_ => Ripen(key, waiting), null, delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Later than the last time.</summary>
    public void AddRateLimited(TKey key)
    {
        // At once: who sees that it has failed may count on its coming again.
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(key);
            _failures[key] = failures + 1;
            var own = TimeSpan.FromSeconds(Math.Min(_options.FirstDelay.TotalSeconds * Math.Pow(2, failures), _options.MostDelay.TotalSeconds));
            var all = _retries.Take();
            AddAfter(key, own > all ? own : all);
        }
    }

    /// <summary>Its failures are history. Where it waits to come again, it still does.</summary>
    public void Forget(TKey key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
        }
    }

    public int Failures(TKey key)
    {
        lock (_gate)
        {
            return _failures.GetValueOrDefault(key);
        }
    }

    /// <summary>Works until cancelled; returns when all work that was begun has ended.</summary>
    /// <param name="work">Ends well: the key is forgotten. Throws: it comes again by <see cref="AddRateLimited"/>.</param>
    public Task RunAsync(int workers, Func<TKey, CancellationToken, Task> work, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        return Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(() => WorkAsync(work, ct), CancellationToken.None)));
    }

    private async Task WorkAsync(Func<TKey, CancellationToken, Task> work, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                await _ready.Reader.ReadAsync(ct).ConfigureAwait(false);
                if (TryTake(out var key))
                {
                    await WorkOnAsync(key, work, ct).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
        }
    }

    private async Task WorkOnAsync(TKey key, Func<TKey, CancellationToken, Task> work, CancellationToken ct)
    {
        try
        {
            await work(key, ct).ConfigureAwait(false);
            Forget(key);
        }
#pragma warning disable CA1031 // Work that failed, however, is tried again: that is what the queue is for.
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _failed?.Invoke(key, e);
            AddRateLimited(key);
        }
        finally
        {
            lock (_gate)
            {
                _working.Remove(key);
                if (_wanted.TryGetValue(key, out var urgent))
                {
                    Enqueue(key, urgent);
                }
            }
        }
    }

    private void Enqueue(TKey key, bool urgent)
    {
        (urgent ? _urgent : _ordinary).Enqueue(key);
        _ready.Writer.TryWrite(true);
    }

    private bool TryTake([MaybeNullWhen(false)] out TKey key)
    {
        lock (_gate)
        {
            var first = _urgentTurns < UrgentTurns ? _urgent : _ordinary;
            var isUrgent = _urgent.Count > 0 && (first == _urgent || _ordinary.Count == 0);
            _urgentTurns = isUrgent ? _urgentTurns + 1 : 0;
            key = (isUrgent ? _urgent : _ordinary).Dequeue();
            return !_working.Contains(key) && _wanted.Remove(key) && _working.Add(key);
        }
    }

    private void Ripen(TKey key, Waiting waiting)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(key, out var current) || !ReferenceEquals(current, waiting))
            {
                return;
            }

            _waiting.Remove(key);
            waiting.Timer?.Dispose();
        }

        Add(key);
    }
}
