using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>A machine that fails before it runs is started again later and later, as KubeVirt does: 10 s times the square of the failures in a row, at most 300 s.</summary>
internal static class StartBackoff
{
    private const int Step = 10, Most = 300;

    /// <returns>The failures in a row, with this instance's.</returns>
    public static StartFailure? After(VmView view, VirtualMachineInstance instance)
    {
        var before = view.Vm.Status?.StartFailure;
        var phases = instance.Status?.PhaseTransitionTimestamps ?? [];
        if (instance.Status?.Phase == VmiPhases.Running || phases.Any(static p => p.Phase == VmiPhases.Running))
        {
            // It came up: whatever ended it later is no failure to start.
            return null;
        }

        if (instance.Status?.Phase != VmiPhases.Failed || before?.LastFailedVMIUID == instance.Metadata.Uid)
        {
            return before;
        }

        var count = (before?.ConsecutiveFailCount ?? 0) + 1;
        var failed = phases.LastOrDefault(static p => p.Phase == VmiPhases.Failed)?.PhaseTransitionTimestamp ?? view.Now;
        return new StartFailure
        {
            ConsecutiveFailCount = count,
            LastFailedVMIUID = instance.Metadata.Uid,
            RetryAfterTimestamp = failed + TimeSpan.FromSeconds(Math.Min(Step * (long)count * count, Most)),
        };
    }
}
