using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.History;

/// <summary>What of a machine makes a history: what it was last is kept, so that a coordinator that comes later sees what happened meanwhile.</summary>
internal sealed record MachineState(MachineKey Key, string? Uid, string? InstanceUid, string Status, string PowerState)
{
    public static MachineState Of(VmSummary vm) => new(new MachineKey(vm.Namespace, vm.Name), vm.Uid, vm.InstanceUid, vm.Status, vm.PowerState);

    /// <summary>
    /// A machine and its instance come and go one before the other, and what is there alone gives its UID: with the same instance it is the same
    /// machine, and keeps the machine's.
    /// </summary>
    public MachineState Behind(MachineState? before) =>
        before is not null && Uid != before.Uid && Uid == InstanceUid && InstanceUid is not null && InstanceUid == before.InstanceUid ? this with { Uid = before.Uid } : this;

    /// <summary>Whether another one of its name has taken its place.</summary>
    public bool IsAnother(MachineState before) => Uid != before.Uid && (InstanceUid is null || InstanceUid != before.InstanceUid);
}

/// <summary>Something that happened and is not written down yet.</summary>
internal sealed record Happening(MachineKey Key, string Type, DateTimeOffset At)
{
    public string? Uid { get; init; }

    public string? Status { get; init; }

    public string? PowerState { get; init; }

    public string? Former { get; init; }

    public string? Message { get; init; }

    public bool Missed { get; init; }
}

/// <summary>What has happened between two states of one machine: a pure function.</summary>
internal static class Happenings
{
    private const string WhileAway = "found when a coordinator looked again";

    /// <param name="before">Null: it was not there.</param>
    /// <param name="after">Null: it is not there.</param>
    /// <param name="created">When it was made, as far as it is known.</param>
    /// <param name="missed">Whether nobody saw it happen.</param>
    public static IReadOnlyList<Happening> Between(MachineState? before, MachineState? after, DateTimeOffset? created, DateTimeOffset now, bool missed)
    {
        if (before is not null && after?.IsAnother(before) == true)
        {
            return [.. Between(before, null, null, now, missed), .. Between(null, after, created, now, missed)];
        }

        return (before, after) switch
        {
            (null, { } made) => [Of(made, HistoryTypes.Created, created is { } at && missed ? at : now, null)],
            ({ } gone, null) => [Of(gone, HistoryTypes.Deleted, now, gone.Status) with { Status = null, PowerState = null }],
            ({ } old, { } current) when (old.Status, old.PowerState) != (current.Status, current.PowerState) => [Of(current, HistoryTypes.Changed, now, old.Status)],
            // As it was, but it is another instance that runs: it has been stopped and started.
            ({ InstanceUid: { } former }, { InstanceUid: { } instance } current) when former != instance => [Of(current, HistoryTypes.Restarted, now, null)],
            _ => [],
        };

        Happening Of(MachineState state, string type, DateTimeOffset at, string? former) => new(state.Key, type, at)
        {
            Uid = state.Uid,
            Status = state.Status,
            PowerState = state.PowerState,
            Former = former,
            Message = missed ? WhileAway : null,
            Missed = missed,
        };
    }
}
