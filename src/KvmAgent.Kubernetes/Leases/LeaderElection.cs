using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Kubernetes;

/// <summary>
/// One of several candidates leads: whose name is in a Lease. As in client-go, no node's clock is compared with another's: a candidate
/// notes when, by its own clock, it saw the lease change last, and takes over when it has not changed for its duration. The leader stops
/// earlier (RenewDeadline), so that for clocks that run about equally fast no two lead at once. The writes are safe by the
/// resourceVersion: of two that take over at once one gets a conflict.
/// </summary>
public sealed partial class LeaderElection
{
    private readonly KubernetesClient _client;
    private readonly LeaderElectionOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _place;
    private Lease? _observed;
    private long _observedAt;
    private long _renewedAt;
    private volatile bool _isLeader;

    public LeaderElection(KubernetesClient client, LeaderElectionOptions options, TimeProvider time, ILogger logger)
    {
        if (options.Identity.Length == 0 || options.RetryPeriod <= TimeSpan.Zero
            || options.RenewDeadline <= options.RetryPeriod || options.LeaseDuration <= options.RenewDeadline)
        {
            throw new ArgumentException($"{options}: expected an identity, and 0 < RetryPeriod < RenewDeadline < LeaseDuration", nameof(options));
        }

        (_client, _options, _time, _logger) = (client, options, time, logger);
        _place = $"lease {options.Namespace}/{options.Name}";
    }

    public bool IsLeader => _isLeader;

    /// <summary>Who was seen to lead last.</summary>
    public string? Leader => Holder(Volatile.Read(ref _observed));

    /// <summary>
    /// Competes until cancelled (then it returns), and runs <paramref name="lead"/> each time it leads. Its token is cancelled when the lease could not be
    /// renewed in time, or with <paramref name="ct"/>; the lease is let go only after it has ended. Where it ends by itself, another may lead.
    /// </summary>
    /// <exception cref="Exception">What <paramref name="lead"/> threw.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                while (!await TryAcquireAsync(ct).ConfigureAwait(false))
                {
                    await PauseAsync(Timeout.InfiniteTimeSpan, ct).ConfigureAwait(false);
                }

                await LeadAsync(lead, ct).ConfigureAwait(false);
                await PauseAsync(Timeout.InfiniteTimeSpan, ct).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
        }
    }

    private async Task LeadAsync(Func<CancellationToken, Task> lead, CancellationToken ct)
    {
        LogLeading(_logger, _place, _options.Identity);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // Not with ct: what leads is given the time to end, and nobody else may lead meanwhile.
        using var ended = new CancellationTokenSource();
        _isLeader = true;
        var leading = Task.Run(() => lead(stop.Token), CancellationToken.None);
        var renewing = RenewAsync(ended.Token);
        try
        {
            if (await Task.WhenAny(leading, renewing).ConfigureAwait(false) == renewing)
            {
                _isLeader = false;
                LogLost(_logger, _place, _time.GetElapsedTime(_renewedAt).TotalSeconds, _options.Identity);
                await stop.CancelAsync().ConfigureAwait(false);
            }

            await leading.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _isLeader = false;
            await ReleaseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends when the last renewal is too long ago, or another has taken the lease.</summary>
    private async Task RenewAsync(CancellationToken ct)
    {
        while (Left > TimeSpan.Zero && !IsTakenByAnother())
        {
            await PauseAsync(Left, ct).ConfigureAwait(false);
            // There is time for another attempt where one gets no answer.
            var limit = TimeSpan.FromTicks(Math.Clamp(Left.Ticks, 0, _options.RenewDeadline.Ticks / 2));
            using var deadline = new CancellationTokenSource(limit, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
            try
            {
                await TryAcquireAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
            }
        }
    }

    private TimeSpan Left => _options.RenewDeadline - _time.GetElapsedTime(_renewedAt);

    private bool IsTakenByAnother() => Holder(_observed) is { } holder && holder != _options.Identity;

    /// <summary>Takes the lease or renews it.</summary>
    private async Task<bool> TryAcquireAsync(CancellationToken ct)
    {
        try
        {
            // A leader that knows its lease writes at once: half the requests. Otherwise, and after a conflict, it is read first.
            if (_isLeader && _observed is { } known)
            {
                try
                {
                    return await WriteAsync(known, ct).ConfigureAwait(false);
                }
                catch (KubernetesException e) when (e.IsConflict || e.IsNotFound)
                {
                }
            }

            return await ReadAndWriteAsync(ct).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsConflict || e.IsAlreadyExists)
        {
            return false;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or KubernetesConfigException)
        {
            LogFailed(_logger, _place, e.Message);
            return false;
        }
    }

    private async Task<bool> ReadAndWriteAsync(CancellationToken ct)
    {
        var lease = await _client.FindAsync(Lease.Resource, _options.Namespace, _options.Name, ct).ConfigureAwait(false);
        if (lease is null)
        {
            var asked = _time.GetTimestamp();
            var first = new Lease { Metadata = new ObjectMeta { Namespace = _options.Namespace, Name = _options.Name } };
            Observe(await _client.CreateAsync(Lease.Resource, first with { Spec = Mine(null) }, ct).ConfigureAwait(false));
            _renewedAt = asked;
            return true;
        }

        Observe(lease);
        if (Holder(lease) is { } holder && holder != _options.Identity && _time.GetElapsedTime(_observedAt) < Duration(lease))
        {
            return false;
        }

        return await WriteAsync(lease, ct).ConfigureAwait(false);
    }

    private async Task<bool> WriteAsync(Lease lease, CancellationToken ct)
    {
        var asked = _time.GetTimestamp();
        Observe(await _client.ReplaceAsync(Lease.Resource, lease with { Spec = Mine(lease.Spec) }, null, ct).ConfigureAwait(false));
        // From before the request: others may have seen the write at any time since.
        _renewedAt = asked;
        return true;
    }

    private void Observe(Lease lease)
    {
        // Any change is a sign of life, whatever clock wrote it.
        if (_observed?.Metadata.ResourceVersion != lease.Metadata.ResourceVersion || _observed?.Spec?.RenewTime != lease.Spec?.RenewTime)
        {
            if (Holder(lease) is { } holder && holder != Holder(_observed) && holder != _options.Identity)
            {
                LogOther(_logger, _place, holder);
            }

            _observedAt = _time.GetTimestamp();
        }

        Volatile.Write(ref _observed, lease);
    }

    private LeaseSpec Mine(LeaseSpec? before)
    {
        var now = _time.GetUtcNow();
        var isMine = before?.HolderIdentity == _options.Identity;
        return (before ?? new LeaseSpec()) with
        {
            HolderIdentity = _options.Identity,
            LeaseDurationSeconds = (int)Math.Ceiling(_options.LeaseDuration.TotalSeconds),
            AcquireTime = isMine ? before!.AcquireTime : now,
            RenewTime = now,
            LeaseTransitions = before is null ? 0 : (before.LeaseTransitions ?? 0) + (isMine ? 0 : 1),
        };
    }

    /// <summary>So that the next one need not wait. What does not work here is only that.</summary>
    private async Task ReleaseAsync()
    {
        if (Holder(_observed) != _options.Identity)
        {
            return;
        }

        using var deadline = new CancellationTokenSource(_options.RetryPeriod, _time);
        try
        {
            var lease = _observed!;
            // A second is the least that the API takes: for candidates that look at the duration and not at the holder.
            var released = lease with { Spec = lease.Spec! with { HolderIdentity = "", LeaseDurationSeconds = 1, RenewTime = _time.GetUtcNow() } };
            Observe(await _client.ReplaceAsync(Lease.Resource, released, null, deadline.Token).ConfigureAwait(false));
            LogReleased(_logger, _place, _options.Identity);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or KubernetesConfigException or OperationCanceledException)
        {
            LogFailed(_logger, _place, e.Message);
        }
    }

    /// <summary>A little more than the period, so that candidates do not march in step.</summary>
    private Task PauseAsync(TimeSpan most, CancellationToken ct)
    {
        var pause = _options.RetryPeriod * (1 + (0.2 * Random.Shared.NextDouble()));
        return Task.Delay(most > TimeSpan.Zero && most < pause ? most : pause, _time, ct);
    }

    private TimeSpan Duration(Lease lease) => lease.Spec?.LeaseDurationSeconds is > 0 and { } seconds ? TimeSpan.FromSeconds(seconds) : _options.LeaseDuration;

    private static string? Holder(Lease? lease) => lease?.Spec?.HolderIdentity is { Length: > 0 } holder ? holder : null;
}
