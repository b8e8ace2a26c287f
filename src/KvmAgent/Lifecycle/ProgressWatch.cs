using KvmAgent.Contracts;
using KvmAgent.Qemu;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>
/// Speaks up where a guest hangs under a KVM that seems to work: no lease, no guest agent, and no disk access for a while. It may as well
/// wait at a boot menu, so it is a warning and no more. While it is paused there is nothing to watch.
/// </summary>
internal sealed partial class ProgressWatch(QmpClient qmp, Task ended, StatusBoard board, TimeProvider time, ILogger<ProgressWatch> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Ends when the guest shows life, when it was warned of, with QEMU, or by <paramref name="cancel"/>; never faults for these.</summary>
    public async Task WatchAsync(CancellationToken cancel)
    {
        try
        {
            var before = -1L;
            while (board.Current is { Network.LeaseGiven: false, GuestAgent: null } && !ended.IsCompleted)
            {
                if (board.Current.Phase == VmPhase.Paused)
                {
                    before = -1;
                    await Task.Delay(Patience, time, cancel).ConfigureAwait(false);
                    continue;
                }

                var usage = await qmp.QueryBlockUsageAsync(cancel: cancel).ConfigureAwait(false);
                var operations = usage.ReadOperations + usage.WriteOperations;
                if (operations == before)
                {
                    var warning = $"the guest has shown no sign of life for {Patience.TotalSeconds:0} s under KVM: no DHCP, no guest agent, no disk access; "
                        + "if it is not waiting for you on its screen, KVM may be broken here: set VM_ACCEL=tcg";
                    LogWarning(warning);
                    board.Warn(warning);
                    return;
                }

                before = operations;
                await Task.Delay(Patience, time, cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The guest is being stopped.
        }
        catch (Exception e) when (e is IOException or TimeoutException or QmpException)
        {
            LogNoAnswer(e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);

    [LoggerMessage(Level = LogLevel.Debug, Message = "the guest's progress is not watched any longer: {Why}")]
    private partial void LogNoAnswer(string why);
}
