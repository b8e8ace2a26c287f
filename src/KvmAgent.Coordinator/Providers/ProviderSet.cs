using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Providers;

/// <summary>
/// All clusters: the own one, and those that are kept. Each of the others runs for itself: one that cannot be reached or read is shown as
/// such. What is kept for a provider is nobody's but the coordinator's, so whoever asks one anything needs leave to <c>use</c> it, which
/// the own cluster gives; the own one is asked in each caller's own name.
/// </summary>
internal sealed partial class ProviderSet : IAsyncDisposable
{
    private readonly Provider _own;
    private readonly IProviderStore _store;
    private readonly ProviderDialer _dialer;
    private readonly IAccess _access;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly List<Task> _ending = [];
    private Dictionary<string, RunningProvider> _running = [];
    private bool _isOver;

    public ProviderSet(Provider own, IProviderStore store, ProviderDialer dialer, IAccess access, TimeProvider time, ILoggerFactory logs)
    {
        (_own, _store, _dialer, _access, _time, _logs, _log) = (own, store, dialer, access, time, logs, logs.CreateLogger<ProviderSet>());
        store.Changed += Apply;
    }

    /// <summary>Until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        Apply();
        await _store.RunAsync(stop).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _store.Changed -= Apply;
        Task[] ending;
        lock (_gate)
        {
            _isOver = true;
            ending = [.. _ending, .. _running.Values.Select(static p => p.DisposeAsync().AsTask())];
            _ending.Clear();
            _running = [];
        }

        await Task.WhenAll(ending).ConfigureAwait(false);
    }

    /// <summary>Has somebody's request done with a provider: in the right name, with leave, and with what fails told as the provider's.</summary>
    /// <param name="name">Null: the own one.</param>
    /// <exception cref="CoordinatorException">There is none of the name, it is forbidden, or it cannot be asked.</exception>
    public async Task<T> UseAsync<T>(Caller caller, string? name, Func<Provider, Task<T>> run, CancellationToken cancel)
    {
        if (name is null or Provider.Own)
        {
            return await run(_own).ConfigureAwait(false);
        }

        await DemandAsync(caller, "use", name, cancel).ConfigureAwait(false);
        var running = Find(name);
        var provider = running.Provider
            ?? throw new CoordinatorException(FailureReason.Unavailable, $"provider \"{name}\" cannot be used: {(await running.LookAsync(ProviderLook.Deadline, cancel).ConfigureAwait(false)).Message}");
        try
        {
            return await run(provider).ConfigureAwait(false);
        }
        catch (Exception e) when (Told(name, e, cancel) is { } told)
        {
            throw told;
        }
    }

    /// <summary>For what goes on although nobody asks: by what is kept of another provider.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="CoordinatorException">It cannot be asked.</exception>
    public KubernetesClient? FindKept(string name)
    {
        DemandSynced();
        lock (_gate)
        {
            return _running.TryGetValue(name, out var running)
                ? running.Client ?? throw new CoordinatorException(FailureReason.Unavailable, $"provider \"{name}\" cannot be used")
                : null;
        }
    }

    /// <summary>Waits a moment for the machines of one that has only just been added.</summary>
    /// <exception cref="CoordinatorException">They are not all known; where it is known why, it says so.</exception>
    public async Task DemandKnownAsync(Provider provider, CancellationToken cancel)
    {
        var moment = TimeSpan.FromSeconds(provider.IsOwn ? 0 : 3);
        await provider.Vms.Synced.WaitAsync(moment, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();
        if (provider.Vms.Synced.IsCompletedSuccessfully)
        {
            return;
        }

        var look = provider.IsOwn ? null : await Find(provider.Name).LookAsync(ProviderLook.Deadline, cancel).ConfigureAwait(false);
        throw new CoordinatorException(FailureReason.Unavailable, $"the machines of provider \"{provider.Name}\" are not all known yet{(look?.Message is { } why ? $": {why}" : "; try again in a moment")}");
    }

    /// <summary>Of the virtual resource that stands for providers, in the own cluster.</summary>
    /// <exception cref="CoordinatorException">It is forbidden.</exception>
    public Task DemandAsync(Caller caller, string verb, string? name, CancellationToken cancel) =>
        _access.DemandAsync(caller, new ResourceAttributes { Verb = verb, Group = "kvmagent.io", Resource = "providers", Name = name }, cancel);

    /// <summary>Makes what runs what is kept.</summary>
    private void Apply()
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return;
            }

            _ending.RemoveAll(static t => t.IsCompleted);
            var next = new Dictionary<string, RunningProvider>();
            foreach (var stored in _store.List())
            {
                if (_running.Remove(stored.Name, out var former) && former.Stored.Kept == stored.Kept && former.Stored.Problem == stored.Problem)
                {
                    former.Stored = stored;
                    next[stored.Name] = former;
                    continue;
                }

                if (former is not null)
                {
                    _ending.Add(former.DisposeAsync().AsTask());
                }

                next[stored.Name] = RunningProvider.Start(stored, _dialer, _time, _logs);
                LogBegun(stored.Name);
            }

            foreach (var gone in _running.Values)
            {
                LogGone(gone.Stored.Name);
                _ending.Add(gone.DisposeAsync().AsTask());
            }

            _running = next;
        }
    }

    private RunningProvider Find(string? name)
    {
        lock (_gate)
        {
            if (name is not null && _running.TryGetValue(name, out var running))
            {
                return running;
            }
        }

        DemandSynced();
        throw ProviderFailures.NotFound(name);
    }

    private void DemandSynced()
    {
        if (!_store.Synced.IsCompletedSuccessfully)
        {
            throw new CoordinatorException(FailureReason.Unavailable, "the providers are not all known yet; try again in a moment");
        }
    }

    /// <returns>Null for what a request's own cluster would be told likewise.</returns>
    private static CoordinatorException? Told(string name, Exception e, CancellationToken cancel) => e switch
    {
        KubernetesException { IsUnauthorized: true } k => new(FailureReason.Unavailable, $"provider \"{name}\" does not take the credentials that are kept for it: {k.Status.Message}; edit it with others"),
        KubernetesException { IsForbidden: true } k => new(FailureReason.Forbidden, $"provider \"{name}\" does not allow it to whom it is known by: {k.Status.Message}"),
        HttpRequestException h => new(FailureReason.Unavailable, $"provider \"{name}\" cannot be reached: {ProviderLook.Reason(h)}"),
        ObjectDisposedException => new(FailureReason.Unavailable, $"provider \"{name}\" has just been changed or removed; try again"),
        OperationCanceledException when !cancel.IsCancellationRequested => new(FailureReason.Unavailable, $"provider \"{name}\" has just been changed or removed; try again"),
        _ => null,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "provider {Name} is looked after")]
    private partial void LogBegun(string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "provider {Name} is looked after no more")]
    private partial void LogGone(string name);
}
