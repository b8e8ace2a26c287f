using KvmAgent.Contracts;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Status;

/// <summary>
/// The VM's current status: the one place where it changes. Each transition is logged and goes to the journal; whoever must act on a
/// change (probe files, readiness notification) subscribes.
/// </summary>
internal sealed partial class StatusBoard(string name, string ns, TimeProvider time, ILogger<StatusBoard> log)
{
    private readonly Lock _gate = new();

    /// <summary>Raised after each change, from whichever thread made it, one at a time.</summary>
    public event Action<VmStatus>? Changed;

    public VmStatus Current { get; private set; } = new(name, ns, VmPhase.Preparing, null, time.GetUtcNow(), Ready: false, ExitCode: null, Starts: 0);

    /// <param name="signal">What happened.</param>
    /// <param name="reason">Why, for people.</param>
    /// <param name="exitCode">The agent's, where this decides it.</param>
    public void Signal(VmSignal signal, string? reason = null, int? exitCode = null)
    {
        lock (_gate)
        {
            var next = VmTransitions.Next(Current.Phase, signal);
            if (next == Current.Phase && exitCode is null)
            {
                return;
            }

            Current = Judge(Current with
            {
                Phase = next,
                Reason = reason,
                Since = time.GetUtcNow(),
                ExitCode = exitCode,
                Starts = Current.Starts + (signal == VmSignal.QemuStarting ? 1 : 0),
            });
            LogPhase(next, reason is null ? "" : ": " + reason);
            Changed?.Invoke(Current);
        }
    }

    /// <summary>Changes a detail that moves no phase.</summary>
    public void Update(Func<VmStatus, VmStatus> change)
    {
        lock (_gate)
        {
            var next = Judge(change(Current));
            if (next != Current)
            {
                Current = next;
                Changed?.Invoke(next);
            }
        }
    }

    public void Warn(string warning) => Update(s => s.Warnings.Contains(warning) ? s : s with { Warnings = [.. s.Warnings, warning] });

    /// <summary>Ready is derived: nobody sets it.</summary>
    private static VmStatus Judge(VmStatus status) => status with
    {
        Ready = status.Phase == VmPhase.Running && status.Network is { LeaseGiven: true } && status.GuestAgent is not { Answers: false },
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "{Phase}{Reason}")]
    private partial void LogPhase(VmPhase phase, string reason);
}
