using KvmAgent.ConfigDrive;
using KvmAgent.Contracts;
using KvmAgent.Network;
using KvmAgent.Processes;
using KvmAgent.Qemu;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>What one run of QEMU means for the agent.</summary>
/// <param name="Reason">Why the agent must end; null where the guest was powered off as it should.</param>
/// <param name="Accelerator">The one to take next.</param>
/// <param name="TryAgain">KVM turned out not to work before the guest wrote anything: start again without it.</param>
internal sealed record Verdict(FailureReason? Reason, string Text, AcceleratorChoice Accelerator, bool TryAgain = false);

/// <summary>The prepared machine: runs QEMU once for each time that the guest is powered on, watches it, and judges how it ended.</summary>
internal sealed partial class VmMachine(
    VmSettings settings, HostPaths paths, Prepared prepared, StatusBoard board, StopSignal stop, GuestAccess access, ILoggerFactory logs, TimeProvider time) : IAsyncDisposable
{
    private readonly ILogger _log = logs.CreateLogger("KvmAgent.Qemu");
    private readonly QemuSockets _sockets = new(settings.RunDir);
    private readonly MemoryKills _memoryKills = new(paths.CGroups);
    private readonly ConsoleHub _console = ConsoleHub.Start(
        Path.Combine(settings.RunDir, "console.sock"), ConsoleOutput.To(settings, logs), time);
    private bool _letGo;

    public ValueTask DisposeAsync() => _console.DisposeAsync();

    public async Task<Verdict> RunOnceAsync(AcceleratorChoice accelerator)
    {
        board.Signal(VmSignal.QemuStarting);
        var machine = Describe(accelerator);
        var run = QemuRun.Start(RunDirectory.QemuRecord(settings), accelerator.Groups, QemuArguments.Build(machine), board, _log);
        await using var disposal = run.ConfigureAwait(false);
        try
        {
            await run.ConnectAsync(_sockets.Qmp, time, stop.Requested).ConfigureAwait(false);
        }
        catch (QemuStartException e)
        {
            return JudgeStart(e, accelerator);
        }

        board.Update(s => s with
        {
            Machine = new VmMachineStatus(
                accelerator.Name, accelerator.Reason, settings.Machine.Cpu.Count, settings.Machine.MemoryBytes, run.Qmp.Version, run.Pid, settings.Machine.Display == Display.Spice),
        });
        var agent = new GuestAgentWatch(run, _sockets.GuestAgent, board, time, logs.CreateLogger<GuestAgentWatch>());
        await using var agentDisposal = agent.ConfigureAwait(false);
        await _console.AttachGuestAsync(_sockets.Serial, TimeSpan.FromSeconds(5), run.Ended, stop.Requested).ConfigureAwait(false);
        await prepared.Rules.ConfigureAwait(false);
        using var opened = access.Open(new RunningMachine(run.Qmp, run.Pid, agent));
        await BeginAsync(run).ConfigureAwait(false);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop.Requested);
        var progress = accelerator.Accelerator == Accelerator.Kvm
            ? new ProgressWatch(run.Qmp, run.Ended, board, time, logs.CreateLogger<ProgressWatch>()).WatchAsync(watching.Token)
            : Task.CompletedTask;
        var verdict = await WatchAsync(run, agent, accelerator).ConfigureAwait(false);
        await watching.CancelAsync().ConfigureAwait(false);
        await progress.ConfigureAwait(false);
        await _console.DetachGuestAsync().ConfigureAwait(false);
        board.Update(s => s with { Machine = s.Machine! with { QemuPid = null }, GuestAgent = null });
        return verdict;
    }

    /// <summary>Lets the guest's CPUs run, or leaves that to others. One that was powered off and on again has been let go before.</summary>
    private Task BeginAsync(QemuRun run)
    {
        if (!settings.Lifecycle.StartPaused || _letGo)
        {
            return run.ContinueAsync(stop.Requested);
        }

        _letGo = true;
        board.Signal(VmSignal.GuestPaused, $"{Setting.VmStartPaused.Name} is set: the guest waits for unpause");
        return Task.CompletedTask;
    }

    private async Task<Verdict> WatchAsync(QemuRun run, GuestAgentWatch agent, AcceleratorChoice accelerator)
    {
        var asked = WhenCancelled(stop.Requested);
        var forced = false;
        if (await Task.WhenAny(run.Ended, asked).ConfigureAwait(false) == asked && !run.Ended.IsCompleted)
        {
            board.Signal(VmSignal.ShutdownAsked, "the agent was told to stop");
            var shutdown = new GuestShutdown(stop.Grace ?? settings.Lifecycle.GracePeriod, stop, time, logs.CreateLogger<GuestShutdown>());
            forced = !await shutdown.RunAsync(run, agent.Answers ? agent.ShutdownAsync : null).ConfigureAwait(false);
        }

        return Judge(await run.Ended.ConfigureAwait(false), forced, accelerator);
    }

    private Verdict Judge(QemuOutcome outcome, bool forced, AcceleratorChoice accelerator)
    {
        (FailureReason? Reason, string Text) verdict = outcome switch
        {
            _ when forced => (FailureReason.ForcedStop, "the guest did not shut down in its grace period and was ended by force"),
            { Panic: true } => (FailureReason.GuestPanic, "the guest's kernel panicked; its last words are on the console"),
            { PoweredOff: true } => (null, "the guest powered off"),
            { Asked: true } => (null, "QEMU was told to quit"),
            { Exit.Signal: Native.SigKill } when _memoryKills.Happened() => (
                FailureReason.OutOfMemory,
                $"QEMU was killed for memory; raise the pod's memory limit above {Quantity.Format(settings.Machine.MemoryBytes)} plus QEMU's own, or lower {Setting.VmMemory.Name}"),
            { Exit.Code: 0 } => (FailureReason.QemuCrash, "QEMU was told to end by a signal from outside of the agent"),
            _ => (FailureReason.QemuCrash, $"QEMU ended by {outcome.Exit}: {outcome.LastWords}"),
        };
        return new Verdict(verdict.Reason, verdict.Text, accelerator);
    }

    /// <summary>QEMU may find out at its start that KVM does not work, as in a VM that passes it on badly.</summary>
    private Verdict JudgeStart(QemuStartException e, AcceleratorChoice accelerator)
    {
        if (accelerator.Accelerator == Accelerator.Kvm && settings.Machine.Accelerator == Accelerator.Auto)
        {
            LogNoKvm(e.Said);
            return new Verdict(null, "", AcceleratorChoice.Software($"QEMU does not start with KVM: {e.Said}"), TryAgain: true);
        }

        var remedy = e.Said.Contains("lock", StringComparison.Ordinal)
            ? (FailureReason.TryAgain, "; another QEMU uses the disk: stop it, or wait until it has ended")
            : (FailureReason.QemuCrash, "");
        return new Verdict(remedy.Item1, e.Message + remedy.Item2, accelerator);
    }

    private QemuMachine Describe(AcceleratorChoice accelerator) => new(
        settings,
        accelerator.Accelerator,
        settings.Machine.Uuid ?? InstanceId.FromIdentity(settings.Namespace, settings.Name),
        prepared.Disks,
        BridgeLinks.Tap,
        prepared.Network.Mtu,
        prepared.Firmware?.Code,
        prepared.Firmware?.Variables,
        prepared.VncPassword,
        _sockets);

    private static async Task WhenCancelled(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var registration = token.Register(cancelled.SetResult);
        await using (registration.ConfigureAwait(false))
        {
            await cancelled.Task.ConfigureAwait(false);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "KVM does not work here, going on without it: {Said}")]
    private partial void LogNoKvm(string said);
}
