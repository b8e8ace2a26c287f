using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes;

/// <summary>
/// Keeps all objects of a kind in memory as the server has them: lists them once, then watches. A watch that ends or breaks is gone on with
/// behind the last event or bookmark; where the server has forgotten that place (410), everything is listed anew, and only real differences
/// are told. Writes of our own are put in by <see cref="Observe"/>, so that whoever wrote reads what it wrote. Of several namespaces each has
/// a list and a watch of its own: there is no right to several at once that is not one to all.
/// </summary>
public sealed partial class Informer<T>
    where T : class, IKubernetesObject
{
    /// <summary>A watch that ends earlier counts as failed: otherwise a server that ends each at once would be asked without a pause.</summary>
    private static readonly TimeSpan _shortWatch = TimeSpan.FromSeconds(0.5);

    /// <summary>So many refusals of one resourceVersion: perhaps it is from before the server's data was restored. List anew.</summary>
    private const int MostRefusals = 3;

    private readonly KubernetesClient _client;
    private readonly ResourceKind<T> _kind;
    private readonly IReadOnlyList<Scope> _scopes;
    private readonly InformerOptions<T> _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _unlisted;

    /// <param name="namespaces">Null: all, or of what is in none.</param>
    public Informer(
        KubernetesClient client, ResourceKind<T> kind, IReadOnlyList<string>? namespaces, InformerOptions<T>? options, TimeProvider time, ILogger logger)
    {
        (_client, _kind, _options, _time, _logger) = (client, kind, options ?? new InformerOptions<T>(), time, logger);
        _scopes = namespaces is null ? [new Scope(null)] : [.. namespaces.Distinct().Select(static ns => new Scope(ns))];
        _unlisted = _scopes.Count;
        _cache = new ObjectCache<T>(kind.Json);
    }

    /// <summary>Done when all objects have been listed once. What the cache has before that is not all.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Lists and watches until cancelled (then it returns), whatever the server does.</summary>
    public Task RunAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_isStarted)
            {
                throw new InvalidOperationException($"the informer of {_kind.Plural} runs already; make another");
            }

            _isStarted = true;
        }

        return Task.WhenAll(_scopes.Select(scope => RunAsync(scope, ct)));
    }

    /// <summary>Lists everything anew: what differs from what was known is told as any other change. Done when it is known.</summary>
    /// <exception cref="KubernetesException">The server refuses, and <see cref="HttpRequestException"/> where it does not answer; it is tried again all the same.</exception>
    public Task RelistAsync(CancellationToken ct) => Task.WhenAll(_scopes.Select(static scope => scope.AskForList())).WaitAsync(ct);

    private async Task RunAsync(Scope scope, CancellationToken ct)
    {
        var backoff = new Backoff();
        string? version = null;
        while (!ct.IsCancellationRequested)
        {
            var pause = TimeSpan.Zero;
            var since = _time.GetTimestamp();
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var asked = scope.BeginTurn(turn);
            try
            {
                if (version is null || asked is not null)
                {
                    version = null;
                    version = await ListAsync(scope, ct).ConfigureAwait(false);
                    asked?.TrySetResult();
                    since = _time.GetTimestamp();
                }

                await WatchAsync(scope, version, at => version = at, turn.Token).ConfigureAwait(false);
                pause = Pause(backoff, since);
                if (pause > TimeSpan.Zero)
                {
                    InformerLog.Closed(_logger, _kind.Plural, pause.TotalSeconds);
                }
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                scope.EndTurn();
                return;
            }
            catch (OperationCanceledException) when (turn.IsCancellationRequested)
            {
                // Somebody asks for a list.
            }
            catch (KubernetesException e) when (e.IsGone)
            {
                InformerLog.Gone(_logger, _kind.Plural, version);
                version = null;
                pause = Pause(backoff, since);
            }
#pragma warning disable CA1031 // Whatever comes of the server's words: the next try may go well, and without it the cache would grow old unseen.
            catch (Exception e)
#pragma warning restore CA1031
            {
                asked?.TrySetException(e);
                version = IsRefusedAgain(scope, e) ? null : version;
                pause = Longer(backoff.Next(), (e as KubernetesException)?.RetryAfter);
                LogFailure(e, pause);
            }

            await Task.Delay(pause, _time, turn.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            scope.EndTurn();
        }
    }

    private async Task<string?> ListAsync(Scope scope, CancellationToken ct)
    {
        BeginListing(scope);
        var options = new ListOptions { LabelSelector = _options.LabelSelector, FieldSelector = _options.FieldSelector };
        var list = await _client.ListPagesAsync(_kind, scope.Namespace, options, (page, isFirst) => TakePage(scope, page, isFirst), ct).ConfigureAwait(false);
        InformerLog.Listed(_logger, _kind.Plural, scope.Listed.Count, list.ResourceVersion);
        EndListing(scope, list.ResourceVersion);
        if (!scope.IsListed)
        {
            scope.IsListed = true;
            if (Interlocked.Decrement(ref _unlisted) == 0)
            {
                _synced.TrySetResult();
            }
        }

        return list.ResourceVersion;
    }

    private async Task WatchAsync(Scope scope, string? version, Action<string> reached, CancellationToken ct)
    {
        var options = new WatchOptions
        {
            ResourceVersion = version,
            LabelSelector = _options.LabelSelector,
            FieldSelector = _options.FieldSelector,
            AllowBookmarks = true,
            // Different for each, so that not all come back at once.
            TimeoutSeconds = Random.Shared.Next(300, 600),
        };
        await foreach (var e in _client.WatchAsync(_kind, scope.Namespace, options, ct).ConfigureAwait(false))
        {
            Take(scope, e);
            scope.Refusals = 0;
            if (e.ResourceVersion is { Length: > 0 } at)
            {
                reached(at);
            }
        }
    }

    private TimeSpan Pause(Backoff backoff, long since)
    {
        if (_time.GetElapsedTime(since) < _shortWatch)
        {
            return backoff.Next();
        }

        backoff.Reset();
        return TimeSpan.Zero;
    }

    private static bool IsRefusedAgain(Scope scope, Exception e)
    {
        scope.Refusals = e is KubernetesException { IsTooManyRequests: false } ? scope.Refusals + 1 : scope.Refusals;
        return scope.Refusals >= MostRefusals;
    }

    private void LogFailure(Exception e, TimeSpan pause)
    {
        if (e is KubernetesException { IsForbidden: true } or KubernetesException { IsUnauthorized: true })
        {
            InformerLog.NotAllowed(_logger, _kind.Plural, e.Message, pause.TotalSeconds);
        }
        else
        {
            InformerLog.Failed(_logger, _kind.Plural, e.Message, pause.TotalSeconds);
        }
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan? b) => b > a ? b.Value : a;

    /// <summary>What has a list and a watch: a namespace, or all.</summary>
    private sealed class Scope(string? ns)
    {
        private readonly Lock _turnGate = new();
        private TaskCompletionSource? _asked;
        private CancellationTokenSource? _turn;

        public string? Namespace => ns;

        /// <summary>How far the list and the watch are.</summary>
        public string? Seen { get; set; }

        /// <summary>Whether a list is being read.</summary>
        public bool IsListing { get; set; }

        /// <summary>Observed since that list was asked for: it need not have it yet.</summary>
        public HashSet<ObjectKey> Observed { get; } = [];

        /// <summary>What the list that is being read has named.</summary>
        public HashSet<ObjectKey> Listed { get; } = [];

        public bool IsListed { get; set; }

        public int Refusals { get; set; }

        /// <returns>Done when a list that is begun from now on is known.</returns>
        public Task AskForList()
        {
            lock (_turnGate)
            {
                _asked ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _turn?.Cancel();
                return _asked.Task;
            }
        }

        /// <param name="turn">Cancelled when a list is asked for.</param>
        /// <returns>Who asks for one already.</returns>
        public TaskCompletionSource? BeginTurn(CancellationTokenSource turn)
        {
            lock (_turnGate)
            {
                (_turn, var asked) = (turn, _asked);
                _asked = null;
                return asked;
            }
        }

        public void EndTurn()
        {
            lock (_turnGate)
            {
                _turn = null;
            }
        }

        public bool Has(ObjectKey key) => ns is null || ns == key.Namespace;
    }
}
