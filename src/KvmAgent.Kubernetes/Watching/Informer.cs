using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes;

/// <summary>
/// Keeps all objects of a kind in memory as the server has them: lists them once, then watches. A watch that ends or breaks is gone on with
/// behind the last event or bookmark; where the server has forgotten that place (410), everything is listed anew, and only real differences
/// are told. Writes of our own are put in by <see cref="Observe"/>, so that whoever wrote reads what it wrote.
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
    private readonly string? _namespace;
    private readonly InformerOptions<T> _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _refusals;

    public Informer(
        KubernetesClient client, ResourceKind<T> kind, string? ns, InformerOptions<T>? options, TimeProvider time, ILogger logger)
    {
        (_client, _kind, _namespace, _options, _time, _logger) = (client, kind, ns, options ?? new InformerOptions<T>(), time, logger);
        _cache = new ObjectCache<T>(kind.Json);
    }

    /// <summary>Done when all objects have been listed once. What the cache has before that is not all.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Lists and watches until cancelled (then it returns), whatever the server does.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_isStarted)
            {
                throw new InvalidOperationException($"the informer of {_kind.Plural} runs already; make another");
            }

            _isStarted = true;
        }

        var backoff = new Backoff();
        string? version = null;
        while (!ct.IsCancellationRequested)
        {
            var pause = TimeSpan.Zero;
            var since = _time.GetTimestamp();
            try
            {
                if (version is null)
                {
                    version = await ListAsync(ct).ConfigureAwait(false);
                    since = _time.GetTimestamp();
                }

                await WatchAsync(version, at => version = at, ct).ConfigureAwait(false);
                pause = Pause(backoff, since);
                if (pause > TimeSpan.Zero)
                {
                    InformerLog.Closed(_logger, _kind.Plural, pause.TotalSeconds);
                }
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
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
                version = IsRefusedAgain(e) ? null : version;
                pause = Longer(backoff.Next(), (e as KubernetesException)?.RetryAfter);
                LogFailure(e, pause);
            }

            await Task.Delay(pause, _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string?> ListAsync(CancellationToken ct)
    {
        BeginListing();
        var options = new ListOptions { LabelSelector = _options.LabelSelector, FieldSelector = _options.FieldSelector };
        var list = await _client.ListAllAsync(_kind, _namespace, options, ct).ConfigureAwait(false);
        InformerLog.Listed(_logger, _kind.Plural, list.Items.Count, list.Metadata.ResourceVersion);
        Replace(list);
        _synced.TrySetResult();
        return list.Metadata.ResourceVersion;
    }

    private async Task WatchAsync(string? version, Action<string> reached, CancellationToken ct)
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
        await foreach (var e in _client.WatchAsync(_kind, _namespace, options, ct).ConfigureAwait(false))
        {
            Take(e);
            _refusals = 0;
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

    private bool IsRefusedAgain(Exception e)
    {
        _refusals = e is KubernetesException { IsTooManyRequests: false } ? _refusals + 1 : _refusals;
        return _refusals >= MostRefusals;
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
}
