using KvmAgent.Qemu;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>
/// Stops the guest, where it ever ran, inside the grace period, gently first: the guest agent's shutdown, then the ACPI power button, pressed again as a
/// guest may have missed it, then QEMU's quit, which still flushes the disks, and at last SIGKILL. The last two keep a reserve of the
/// period for themselves and for undoing the network.
/// </summary>
internal sealed partial class GuestShutdown(TimeSpan grace, StopSignal stop, TimeProvider time, ILogger<GuestShutdown> log)
{
    private static readonly TimeSpan AgentLimit = TimeSpan.FromSeconds(3), PressEvery = TimeSpan.FromSeconds(4), QuitLimit = TimeSpan.FromSeconds(2);

    /// <param name="run">The guest.</param>
    /// <param name="agentShutdown">Asks the guest agent; null where there is none.</param>
    /// <returns>True where the guest shut down by itself.</returns>
    public async Task<bool> RunAsync(QemuRun run, Func<CancellationToken, Task>? agentShutdown)
    {
        var reserve = TimeSpan.FromSeconds(Math.Min(4, grace.TotalSeconds / 3));
        using var gentle = CancellationTokenSource.CreateLinkedTokenSource(stop.Hurry);
        using var limit = new CancellationTokenSource(Positive(grace - reserve - time.GetElapsedTime(stop.RequestedAt)), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(gentle.Token, limit.Token);
        try
        {
            await AskAsync(run, agentShutdown, either.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when ((e is IOException or TimeoutException or QmpException) && !run.Ended.IsCompleted)
        {
            LogForced($"QEMU does not take commands: {e.Message}");
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            LogForced(stop.Hurry.IsCancellationRequested ? "a second signal hurries" : $"the guest did not stop within {(grace - reserve).TotalSeconds:0.#} s");
        }

        await QuitAsync(run).ConfigureAwait(false);
        return false;
    }

    private async Task AskAsync(QemuRun run, Func<CancellationToken, Task>? agentShutdown, CancellationToken cancel)
    {
        var ended = run.Ended;
        var status = await run.Qmp.QueryStatusAsync(cancel).ConfigureAwait(false);
        if (status.Status == "prelaunch")
        {
            LogNeverRan();
            await QuitAsync(run).ConfigureAwait(false);
            return;
        }

        if (!status.Running)
        {
            // A paused guest sees no power button.
            await run.Qmp.ContinueAsync(cancel).ConfigureAwait(false);
        }

        if (agentShutdown is not null)
        {
            LogAgent();
            if (await AskAgentAsync(agentShutdown, cancel).ConfigureAwait(false) && await EndsWithinAsync(ended, AgentLimit, cancel).ConfigureAwait(false))
            {
                return;
            }
        }

        LogPowerButton();
        do
        {
            try
            {
                await run.Qmp.PowerDownAsync(cancel).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // QEMU is ending: the wait below sees it.
            }
        }
        while (!await EndsWithinAsync(ended, PressEvery, cancel).ConfigureAwait(false));
    }

    private async Task<bool> AskAgentAsync(Func<CancellationToken, Task> agentShutdown, CancellationToken cancel)
    {
        try
        {
            await agentShutdown(cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or TimeoutException or QmpException)
        {
            LogAgentFailed(e.Message);
            return false;
        }
    }

    private async Task QuitAsync(QemuRun run)
    {
        try
        {
            await run.Qmp.QuitAsync(QuitLimit).ConfigureAwait(false);
            await run.Ended.WaitAsync(QuitLimit, time).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or TimeoutException or QmpException)
        {
            run.Kill();
            await run.Ended.ConfigureAwait(false);
        }
    }

    private async Task<bool> EndsWithinAsync(Task ended, TimeSpan limit, CancellationToken cancel)
    {
        try
        {
            await ended.WaitAsync(limit, time, cancel).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static TimeSpan Positive(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;

    [LoggerMessage(Level = LogLevel.Information, Message = "the guest never ran; quitting QEMU")]
    private partial void LogNeverRan();

    [LoggerMessage(Level = LogLevel.Information, Message = "asking the guest agent to shut down")]
    private partial void LogAgent();

    [LoggerMessage(Level = LogLevel.Warning, Message = "the guest agent did not take it: {Error}")]
    private partial void LogAgentFailed(string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "pressing the guest's power button")]
    private partial void LogPowerButton();

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Why}; quitting QEMU")]
    private partial void LogForced(string why);
}
