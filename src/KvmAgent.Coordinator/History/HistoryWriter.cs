using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Store;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.History;

/// <summary>
/// Writes down what happens to machines: one coordinator at a time, the leader. What comes by watches is queued until it is in the database, with the
/// machine's state in the same transaction; so a coordinator that comes later finds by that state what it has not seen. Whoever begins to write
/// takes the place of whoever wrote before, who then writes no more, and a transaction of which nobody knows whether it came through is found by its
/// number.
/// </summary>
/// <param name="kept">How long events are kept.</param>
internal sealed partial class HistoryWriter(RecordStore records, VmTable vms, HistoryNews news, TimeSpan kept, TimeProvider time, ILogger<HistoryWriter> log)
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1), MostAgain = TimeSpan.FromSeconds(30), PruneEvery = TimeSpan.FromHours(1), Farewell = TimeSpan.FromSeconds(2);

    private readonly string _name = Guid.NewGuid().ToString("N");
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Dictionary<MachineKey, MachineState> _written = [];

    /// <summary>Until it is stopped, or somebody else writes.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await vms.Synced.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var queue = new HistoryQueue(vms, time);
        var pruning = PruneAsync(stop);
        var (pause, isOurs) = (Again, true);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await queue.WaitAsync(stop).ConfigureAwait(false);
                if (!await WriteAsync(queue, stop).ConfigureAwait(false))
                {
                    LogTaken();
                    isOurs = false;
                    break;
                }

                pause = Again;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Below.
            }
            catch (CoordinatorException)
            {
                // The store has said why; what is queued stays.
                queue.Again();
                await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < MostAgain ? pause * 2 : MostAgain;
            }
        }

        if (isOurs && !_taken.TrySetCanceled(CancellationToken.None))
        {
            await EndAsync(queue).ConfigureAwait(false);
        }

        await pruning.ConfigureAwait(false);
    }

    /// <summary>Events of the cluster's; those that are there already are passed over.</summary>
    /// <exception cref="CoordinatorException">The database is away.</exception>
    public async Task AddAsync(IReadOnlyCollection<ClusterEvent> events, CancellationToken cancel)
    {
        await _taken.Task.WaitAsync(cancel).ConfigureAwait(false);
        await records.WriteAsync(async session =>
        {
            await HistoryTable.LockAsync(session).ConfigureAwait(false);
            if (await HistoryTable.WrittenAsync(session, _name).ConfigureAwait(false) is null)
            {
                return false;
            }

            foreach (var e in events.OrderBy(static e => e.At))
            {
                await HistoryTable.AddAsync(session, e, time.GetUtcNow()).ConfigureAwait(false);
            }

            return true;
        }, cancel).ConfigureAwait(false);
        news.Tell();
    }

    /// <summary>What is queued still, so that nobody has to find it later.</summary>
    private async Task EndAsync(HistoryQueue queue)
    {
        using var limit = new CancellationTokenSource(Farewell, time);
        try
        {
            await WriteAsync(queue, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CoordinatorException or OperationCanceledException)
        {
            // Who comes next finds it.
        }
    }

    /// <returns>False where somebody else writes now.</returns>
    private async Task<bool> WriteAsync(HistoryQueue queue, CancellationToken cancel)
    {
        if (queue.Peek() is not { } states)
        {
            return await CompareAsync(queue, cancel).ConfigureAwait(false);
        }

        if (states.Count == 0)
        {
            return true;
        }

        var (happened, after) = Replay(states);
        var last = states[^1].Number;
        var isOurs = await records.WriteAsync(async session =>
        {
            await HistoryTable.LockAsync(session).ConfigureAwait(false);
            var written = await HistoryTable.WrittenAsync(session, _name).ConfigureAwait(false);
            if (written is null || written >= last)
            {
                return written is not null;
            }

            await WriteAsync(session, happened, states.Select(static s => s.Key).Distinct(), after).ConfigureAwait(false);
            await HistoryTable.SetWrittenAsync(session, last).ConfigureAwait(false);
            return true;
        }, cancel).ConfigureAwait(false);
        _written = after;
        queue.Done(last);
        news.Tell();
        return isOurs;
    }

    /// <summary>What happened while nobody wrote.</summary>
    private async Task<bool> CompareAsync(HistoryQueue queue, CancellationToken cancel)
    {
        var machines = queue.Machines();
        try
        {
            var isFirst = !_taken.Task.IsCompleted;
            var after = await records.WriteAsync(async session =>
            {
                if (isFirst)
                {
                    await HistoryTable.TakeAsync(session, _name).ConfigureAwait(false);
                }

                await HistoryTable.LockAsync(session).ConfigureAwait(false);
                return await HistoryTable.WrittenAsync(session, _name).ConfigureAwait(false) is null ? null : await CompareAsync(session, machines).ConfigureAwait(false);
            }, cancel).ConfigureAwait(false);
            _written = after ?? _written;
            _taken.TrySetResult();
            news.Tell();
            return after is not null;
        }
        catch
        {
            queue.Lose();
            throw;
        }
    }

    /// <returns>All states as they are now.</returns>
    private async Task<Dictionary<MachineKey, MachineState>> CompareAsync(RecordSession session, IReadOnlyDictionary<MachineKey, VmSummary> machines)
    {
        var before = await HistoryTable.MachinesAsync(session).ConfigureAwait(false);
        var after = machines.ToDictionary(static m => m.Key, m => MachineState.Of(m.Value).Behind(before.GetValueOrDefault(m.Key)));
        var now = time.GetUtcNow();
        var other = before.Keys.Union(after.Keys).Where(key => before.GetValueOrDefault(key) != after.GetValueOrDefault(key)).ToList();
        var happened = other
            .SelectMany(key => Happenings.Between(before.GetValueOrDefault(key), after.GetValueOrDefault(key), machines.GetValueOrDefault(key)?.CreatedAt, now, missed: true))
            .OrderBy(static h => h.At).ToList();
        await WriteAsync(session, happened, other, after).ConfigureAwait(false);
        return after;
    }

    /// <returns>What has happened, and all states then. What is known already has not happened.</returns>
    private (List<Happening> Happened, Dictionary<MachineKey, MachineState> After) Replay(IReadOnlyList<QueuedState> states)
    {
        var (happened, after) = (new List<Happening>(), new Dictionary<MachineKey, MachineState>(_written));
        foreach (var next in states)
        {
            var before = after.GetValueOrDefault(next.Key);
            var state = next.State?.Behind(before);
            happened.AddRange(Happenings.Between(before, state, null, next.At, missed: false));
            if (state is null)
            {
                after.Remove(next.Key);
            }
            else
            {
                after[next.Key] = state;
            }
        }

        return (happened, after);
    }

    private async Task WriteAsync(RecordSession session, IReadOnlyList<Happening> happened, IEnumerable<MachineKey> changed, Dictionary<MachineKey, MachineState> after)
    {
        var now = time.GetUtcNow();
        foreach (var what in happened)
        {
            await HistoryTable.AddAsync(session, what, now).ConfigureAwait(false);
        }

        foreach (var key in changed)
        {
            await HistoryTable.SetMachineAsync(session, key, after.GetValueOrDefault(key)).ConfigureAwait(false);
        }
    }

    private async Task PruneAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await _taken.Task.WaitAsync(stop).ConfigureAwait(false);
                if (await records.WriteAsync(session => HistoryTable.PruneAsync(session, time.GetUtcNow() - kept), stop).ConfigureAwait(false) is > 0 and var count)
                {
                    LogPruned(count, kept.TotalDays);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (CoordinatorException)
            {
                // The store has said why; it is not urgent.
            }

            await Task.Delay(PruneEvery, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} events that are older than {Days} days are no longer kept")]
    private partial void LogPruned(int count, double days);

    [LoggerMessage(Level = LogLevel.Warning, Message = "another coordinator writes the history of events into this database now; if it is of another cluster, give it a database of its own")]
    private partial void LogTaken();
}
