using KvmAgent.Contracts;
using KvmAgent.Link;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>
/// The VM's whole life: locks, preparation, then QEMU as often as VM_ON_POWEROFF and <c>kvm-agent start</c> want it, and undoing.
/// It gives the agent's exit code; what ends it otherwise is an <see cref="AgentException"/>.
/// </summary>
internal sealed partial class VmRunner(
    VmSettings settings,
    HostPaths paths,
    StatusBoard board,
    StopSignal stop,
    HoldGate hold,
    Journal journal,
    GuestAccess access,
    CoordinatorLink link,
    ILoggerFactory logs,
    TimeProvider time)
{
    private static readonly TimeSpan ShortRun = TimeSpan.FromSeconds(10), LongestPause = TimeSpan.FromSeconds(60);

    private readonly ILogger _log = logs.CreateLogger<VmRunner>();

    public async Task<int> RunAsync()
    {
        var undo = new UndoStack(logs.CreateLogger<UndoStack>());
        try
        {
            RunDirectory.Prepare(settings, undo);
            var outlets = new StatusOutlets(settings, board, journal, hold, new UsageReader(paths, access), logs, time);
            undo.Push("the status's outlets", () => outlets.DisposeAsync().AsTask());
            link.Start();
            await ChildProcess.EndLeftoverAsync(RunDirectory.QemuRecord(settings), time, stop.Requested).ConfigureAwait(false);
            var accelerator = AcceleratorChoice.Decide(settings.Machine.Accelerator, paths.Kvm);
            LogInEffect(SettingsSummary.Of(settings), accelerator.Name, accelerator.Reason);
            var fetchLog = new FetchLog(board, new ProgressLog(time, logs.CreateLogger<ProgressLog>()), logs.CreateLogger<FetchLog>());
            VncPort.Check(settings);
            var prepared = await new Preparation(settings, paths, undo, board, fetchLog, logs, time).RunAsync(stop.Requested).ConfigureAwait(false);
            Describe(prepared);
            fetchLog.Warn(prepared.Network.Warnings);
            var machine = new VmMachine(settings, paths, prepared, board, stop, access, logs, time);
            await using (machine.ConfigureAwait(false))
            {
                return await LiveAsync(machine, accelerator).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.Requested.IsCancellationRequested)
        {
            board.Signal(VmSignal.PoweredOff, "stopped before the guest ran", exitCode: 0);
            return 0;
        }
        finally
        {
            await undo.UndoAsync().ConfigureAwait(false);
        }
    }

    private async Task<int> LiveAsync(VmMachine machine, AcceleratorChoice accelerator)
    {
        var pause = TimeSpan.Zero;
        while (true)
        {
            var started = time.GetTimestamp();
            var verdict = await machine.RunOnceAsync(accelerator).ConfigureAwait(false);
            accelerator = verdict.Accelerator;
            if (verdict.TryAgain)
            {
                continue;
            }

            var last = verdict.Reason is not null || stop.Requested.IsCancellationRequested;
            if (last || settings.Lifecycle.OnPoweroff == PoweroffAction.Exit)
            {
                board.Signal(verdict.Reason is null or FailureReason.ForcedStop ? VmSignal.PoweredOff : VmSignal.Broke, verdict.Text, (int?)verdict.Reason ?? 0);
                return (int?)verdict.Reason ?? 0;
            }

            board.Signal(VmSignal.PoweredOff, verdict.Text);
            if (settings.Lifecycle.OnPoweroff == PoweroffAction.Hold)
            {
                LogHeld();
                await hold.WaitAsync(stop.Requested).ConfigureAwait(false);
            }
            else
            {
                // A guest that powers off at once shall not keep a core busy.
                pause = time.GetElapsedTime(started) < ShortRun ? Min(LongestPause, pause + pause + TimeSpan.FromSeconds(1)) : TimeSpan.Zero;
                await Task.Delay(pause, time, stop.Requested).ConfigureAwait(false);
            }
        }
    }

    private void Describe(Prepared prepared)
    {
        var network = prepared.Network;
        board.Update(s => s with
        {
            Network = new VmNetworkStatus(
                network.V4?.Pod.ToString(),
                network.V6?.Pod.ToString(),
                network.VmIp.ToString(),
                network.V6?.Guest.ToString(),
                settings.Network.Mac.ToString(),
                network.Mtu,
                LeaseGiven: false,
                settings.Network.Vnc ? VncPort.Number : null),
            Image = prepared.Image is { } image ? new VmImageStatus(Path.GetFileName(image.Path), image.Digest, image.Format.ToString().ToLowerInvariant()) : null,
        });
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    [LoggerMessage(Level = LogLevel.Information, Message = "{Settings}, {Accelerator} ({Reason})")]
    private partial void LogInEffect(string settings, string accelerator, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the guest is powered off; `kvm-agent start` powers it on")]
    private partial void LogHeld();
}
