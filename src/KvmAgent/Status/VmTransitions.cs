using KvmAgent.Contracts;

namespace KvmAgent.Status;

/// <summary>What happened to the VM.</summary>
internal enum VmSignal
{
    /// <summary>QEMU is being started.</summary>
    QemuStarting,

    /// <summary>QMP: RESUME.</summary>
    GuestResumed,

    /// <summary>QMP: STOP; a guest that is not to run yet.</summary>
    GuestPaused,

    /// <summary>The agent asked the guest to shut down.</summary>
    ShutdownAsked,

    /// <summary>The guest powered off, or was ended by us.</summary>
    PoweredOff,

    /// <summary>QMP: GUEST_PANICKED; QEMU's crash.</summary>
    Broke,

    /// <summary>The agent cannot go on.</summary>
    GaveUp,
}

/// <summary>The state machine: which signal leads where. What is not listed changes nothing, such as a STOP while the guest shuts down.</summary>
internal static class VmTransitions
{
    public static VmPhase Next(VmPhase phase, VmSignal signal) => (phase, signal) switch
    {
        (VmPhase.Preparing or VmPhase.Stopped or VmPhase.Starting, VmSignal.QemuStarting) => VmPhase.Starting,
        (VmPhase.Starting or VmPhase.Paused, VmSignal.GuestResumed) => VmPhase.Running,
        (VmPhase.Starting or VmPhase.Running, VmSignal.GuestPaused) => VmPhase.Paused,
        (VmPhase.Starting or VmPhase.Running or VmPhase.Paused, VmSignal.ShutdownAsked) => VmPhase.ShuttingDown,
        (VmPhase.Crashed or VmPhase.Failed, _) => phase,
        (_, VmSignal.PoweredOff) => VmPhase.Stopped,
        (_, VmSignal.Broke) => VmPhase.Crashed,
        (_, VmSignal.GaveUp) => VmPhase.Failed,
        _ => phase,
    };
}
