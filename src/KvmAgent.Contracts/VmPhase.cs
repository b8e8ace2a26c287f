namespace KvmAgent.Contracts;

/// <summary>Where a VM is in its life.</summary>
public enum VmPhase
{
    /// <summary>Network, image, disk and config drive are being made.</summary>
    Preparing,

    /// <summary>QEMU is started; the guest does not run yet.</summary>
    Starting,

    /// <summary>The guest's CPUs run.</summary>
    Running,

    /// <summary>The guest's CPUs are stopped, and can go on.</summary>
    Paused,

    /// <summary>The guest was asked to shut down.</summary>
    ShuttingDown,

    /// <summary>The guest is powered off.</summary>
    Stopped,

    /// <summary>The guest's kernel panicked, or QEMU ended other than by a poweroff.</summary>
    Crashed,

    /// <summary>The VM could not be started, or the agent failed.</summary>
    Failed,
}
