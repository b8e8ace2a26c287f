using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>KubeVirt's phases of an instance.</summary>
public static class VmiPhases
{
    public const string Pending = "Pending", Scheduling = "Scheduling", Scheduled = "Scheduled", Running = "Running",
        Succeeded = "Succeeded", Failed = "Failed", Unknown = "Unknown";

    /// <summary>It runs no more, and will not again.</summary>
    public static bool IsFinal(string? phase) => phase is Succeeded or Failed;
}

public sealed record VmiStatus
{
    public string? Phase { get; init; }

    /// <summary>One word for programs: why it is <c>Failed</c>, <c>Evicted</c> and so on.</summary>
    public string? Reason { get; init; }

    public IReadOnlyList<PhaseTransition>? PhaseTransitionTimestamps { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    public string? NodeName { get; init; }

    /// <summary>
    /// The pods that the coordinator made for it, or made it for, by UID, with their nodes. Only an agent whose token was given to one of these pods
    /// speaks for the instance.
    /// </summary>
    public IReadOnlyDictionary<string, string>? ActivePods { get; init; }

    public IReadOnlyList<VmiInterfaceStatus>? Interfaces { get; init; }

    public GuestOsInfo? GuestOSInfo { get; init; }

    public IReadOnlyList<VmiVolumeStatus>? VolumeStatus { get; init; }

    public VmiMachineStatus? Machine { get; init; }

    public CpuTopologyStatus? CurrentCPUTopology { get; init; }

    public VmiMemoryStatus? Memory { get; init; }

    public string? QosClass { get; init; }

    /// <summary>How far the agent's reports were taken in.</summary>
    public AgentPosition? Agent { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <param name="Start">The id of the agent's process.</param>
/// <param name="Sequence">Of its last transition.</param>
public sealed record AgentPosition(string Start, long Sequence);

public sealed record PhaseTransition(string Phase, DateTimeOffset PhaseTransitionTimestamp);

public sealed record VmiInterfaceStatus
{
    /// <summary>The interface's name in the spec.</summary>
    public string? Name { get; init; }

    public string? Mac { get; init; }

    /// <summary>The pod's: what others reach the guest by.</summary>
    public string? IpAddress { get; init; }

    public IReadOnlyList<string>? IpAddresses { get; init; }

    /// <summary>The guest's name for it.</summary>
    public string? InterfaceName { get; init; }

    public string? InfoSource { get; init; }

    public int? QueueCount { get; init; }
}

public sealed record GuestOsInfo
{
    public string? Name { get; init; }

    public string? PrettyName { get; init; }

    public string? Version { get; init; }

    public string? VersionId { get; init; }

    public string? KernelRelease { get; init; }

    public string? KernelVersion { get; init; }

    public string? Machine { get; init; }

    public string? Id { get; init; }
}

public sealed record VmiVolumeStatus
{
    public required string Name { get; init; }

    /// <summary>The guest's name for the disk.</summary>
    public required string Target { get; init; }

    public PersistentVolumeClaimInfo? PersistentVolumeClaimInfo { get; init; }
}

public sealed record PersistentVolumeClaimInfo
{
    public string? ClaimName { get; init; }

    public IReadOnlyList<string>? AccessModes { get; init; }

    public string? VolumeMode { get; init; }
}

public sealed record VmiMachineStatus(string? Type);

public sealed record CpuTopologyStatus(int? Cores, int? Sockets, int? Threads);

public sealed record VmiMemoryStatus
{
    public string? GuestAtBoot { get; init; }

    public string? GuestCurrent { get; init; }

    public string? GuestRequested { get; init; }
}
