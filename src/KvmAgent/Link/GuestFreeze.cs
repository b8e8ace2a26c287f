using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Qemu;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Link;

/// <summary>
/// Freezes the guest's filesystems, and thaws them at the deadline whatever became of who asked: a guest that cannot write hangs. The
/// deadline counts from before the freeze, whose answer may get lost. A guest that is to shut down is thawed first.
/// </summary>
internal sealed partial class GuestFreeze(GuestAccess access, StopSignal stop, TimeProvider time, ILogger<GuestFreeze> log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20), TryAgain = TimeSpan.FromSeconds(5);

    private readonly ILogger _log = log;
    private readonly Lock _gate = new();
    private CancellationTokenSource? _deadline;

    public async Task FreezeAsync(GuestAgentClient agent, TimeSpan deadline, CancellationToken cancel)
    {
        var watch = CancellationTokenSource.CreateLinkedTokenSource(stop.Requested);
        lock (_gate)
        {
            if (_deadline is not null)
            {
                watch.Dispose();
                throw new JsonRpcException(LinkErrors.Busy, "the guest's filesystems are frozen already; unfreeze them first");
            }

            _deadline = watch;
        }

        _ = ThawAtAsync(deadline, watch);
        try
        {
            // Not by the link's token: a freeze that was begun has its deadline, a broken link or not.
            await agent.FreezeAsync(Limit, CancellationToken.None).ConfigureAwait(false);
            LogFrozen(deadline.TotalSeconds);
        }
        catch (Exception e) when (e is QmpException or TimeoutException or IOException)
        {
            // It may have come to be in part, or may yet.
            await watch.CancelAsync().ConfigureAwait(false);
            throw;
        }

        cancel.ThrowIfCancellationRequested();
    }

    /// <summary>Also where nothing is frozen that we know of: another may have done it.</summary>
    public async Task ThawAsync(GuestAgentClient agent, CancellationToken cancel)
    {
        await agent.ThawAsync(Limit, cancel).ConfigureAwait(false);
        Forget(null);
        LogThawed("it was asked for");
    }

    private async Task ThawAtAsync(TimeSpan deadline, CancellationTokenSource watch)
    {
        var why = $"its deadline of {deadline.TotalSeconds:0} s has come";
        try
        {
            await Task.Delay(deadline, time, watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            why = stop.Requested.IsCancellationRequested ? "the guest is to shut down" : "the freeze failed";
        }

        // Until it is done, or there is no guest any more that could be frozen.
        while (IsMine(watch) && access.Current is { } machine && !await TryThawAsync(machine.Agent.Client, why).ConfigureAwait(false))
        {
            await Task.Delay(TryAgain, time).ConfigureAwait(false);
        }

        Forget(watch);
        watch.Dispose();
    }

    private async Task<bool> TryThawAsync(GuestAgentClient agent, string why)
    {
        try
        {
            await agent.ThawAsync(Limit).ConfigureAwait(false);
            LogThawed(why);
            return true;
        }
        catch (Exception e) when (e is QmpException or TimeoutException or IOException)
        {
            LogStillFrozen(e.Message);
            // An agent that refuses does not have the command, and froze nothing.
            return e is QmpException;
        }
    }

    private bool IsMine(CancellationTokenSource watch)
    {
        lock (_gate)
        {
            return _deadline == watch;
        }
    }

    private void Forget(CancellationTokenSource? watch)
    {
        lock (_gate)
        {
            if (watch is null || _deadline == watch)
            {
                _deadline = null;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "the guest's filesystems are frozen, for {Seconds} s at most")]
    private partial void LogFrozen(double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "the guest's filesystems are thawed: {Why}")]
    private partial void LogThawed(string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the guest's filesystems cannot be thawed, trying again: {Error}")]
    private partial void LogStillFrozen(string error);
}
