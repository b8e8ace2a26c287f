using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines;

/// <summary>One write that a decision asks for; done in order, and the status last.</summary>
internal abstract record MachineAction
{
    public sealed record CreateVolume(DataVolume Volume) : MachineAction;

    public sealed record CreateConfigMap(ConfigMap Config) : MachineAction;

    public sealed record CreatePod(Pod Pod) : MachineAction;

    /// <summary>Gracefully: the guest is shut down.</summary>
    public sealed record DeletePod(string Name, string Uid) : MachineAction;

    public sealed record CreateInstance(VirtualMachineInstance Instance) : MachineAction;

    /// <summary>In the foreground: the instance stays, marked, until its pod is gone.</summary>
    /// <param name="GracePeriodSeconds">Null: the instance's own.</param>
    public sealed record DeleteInstance(string Name, string Uid, long? GracePeriodSeconds = null) : MachineAction;
}

/// <summary>What shall be told of an object as an Event.</summary>
/// <param name="Type"><see cref="Event.Normal"/> or <see cref="Event.Warning"/>.</param>
internal sealed record MachineEvent(string Type, string Reason, string Message);

/// <summary>What to do for an object: pure, so that a test can hold it.</summary>
/// <param name="Status">As it shall be; written where it differs.</param>
/// <param name="Again">When to look once more even if nothing changes.</param>
internal sealed record Decision<TStatus>(
    TStatus Status, IReadOnlyList<MachineAction> Actions, IReadOnlyList<MachineEvent> Events, TimeSpan? Again = null);

/// <summary>A write cannot be done until somebody changes something.</summary>
/// <param name="reason">In a word, for the condition.</param>
internal sealed class ObstacleException(string reason, string message) : Exception(message)
{
    public string Reason { get; } = reason;
}

/// <summary>What a decision rested on was not so: it is made again.</summary>
internal sealed class MachineChangedException(string message) : Exception(message);
