using System.Text.Json.Serialization;

namespace KvmAgent.Contracts;

/// <summary>What an agent tells of its VM.</summary>
/// <param name="Name">The VM's name.</param>
/// <param name="Namespace">The pod's namespace; empty where the agent was not told.</param>
/// <param name="Phase">Where it is.</param>
/// <param name="Reason">Why it is there, a sentence for people; null where there is nothing to say.</param>
/// <param name="Since">When it got there.</param>
/// <param name="Ready">The guest has its lease, and its guest agent, where there is one, answers.</param>
/// <param name="ExitCode">The agent's, once it is known.</param>
/// <param name="Starts">How often the guest was started by this agent.</param>
public sealed record VmStatus(
    string Name,
    string Namespace,
    VmPhase Phase,
    string? Reason,
    DateTimeOffset Since,
    bool Ready,
    int? ExitCode,
    int Starts)
{
    public VmMachineStatus? Machine { get; init; }

    public VmNetworkStatus? Network { get; init; }

    public VmImageStatus? Image { get; init; }

    /// <summary>Null while no guest agent has its channel open.</summary>
    public GuestAgentStatus? GuestAgent { get; init; }

    /// <summary>What is wrong but does not stop the VM.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <param name="Accelerator"><c>kvm</c> or <c>tcg</c>.</param>
/// <param name="AcceleratorReason">Why this one.</param>
/// <param name="QemuPid">Null while QEMU does not run.</param>
/// <param name="Spice">Whether it has a SPICE screen, besides VNC's.</param>
public sealed record VmMachineStatus(
    string Accelerator, string AcceleratorReason, int Cpus, long MemoryBytes, string? QemuVersion, int? QemuPid, bool Spice = false);

/// <param name="PodIp">The pod's address, which is the guest's to the outside; null in a pod with IPv6 alone.</param>
/// <param name="GuestIp">The guest's private address behind it.</param>
/// <param name="LeaseGiven">Whether the guest asked for its address.</param>
/// <param name="VncPort">5900, or null where that port is the guest's.</param>
public sealed record VmNetworkStatus(
    string? PodIp, string? PodIp6, string GuestIp, string? GuestIp6, string Mac, int Mtu, bool LeaseGiven, int? VncPort);

/// <param name="Name">The base's file name on the shared volume.</param>
/// <param name="Digest"><c>sha256:…</c>.</param>
public sealed record VmImageStatus(string Name, string Digest, string Format);

/// <summary>What the guest says of itself; every text comes from the guest and is trusted in nothing.</summary>
/// <param name="Answers">Whether it answered when last asked.</param>
public sealed record GuestAgentStatus(bool Answers, string? HostName, string? Os, string? Kernel, IReadOnlyList<GuestInterface> Interfaces);

public sealed record GuestInterface(string Name, string? Mac, IReadOnlyList<string> Addresses);

/// <summary>Serialisation of the contracts: camelCase, enums by name, absent rather than null.</summary>
[JsonSerializable(typeof(VmStatus))]
[JsonSerializable(typeof(ImageReport))]
[JsonSerializable(typeof(ImportResult))]
[JsonSerializable(typeof(Link.ImportProgress))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
public sealed partial class ContractsJson : JsonSerializerContext;
