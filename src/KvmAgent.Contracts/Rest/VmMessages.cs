using System.Text.Json.Nodes;

namespace KvmAgent.Contracts.Rest;

/// <summary>What a machine is doing, in one word for all providers.</summary>
public static class PowerStates
{
    public const string Running = "running", Paused = "paused", Starting = "starting", Stopping = "stopping", Stopped = "stopped", Failed = "failed", Unknown = "unknown";
}

/// <summary>A machine as a list shows it: a VirtualMachine with its instance, or an instance that has none.</summary>
public sealed record VmSummary
{
    /// <summary><c>namespace/name</c>.</summary>
    public string Id => $"{Namespace}/{Name}";

    /// <summary>The provider's name.</summary>
    public required string Provider { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary>Of the VirtualMachine; of the instance where there is none.</summary>
    public string? Uid { get; init; }

    /// <summary>Of the instance; another one each time that the machine is started. Null where there is none.</summary>
    public string? InstanceUid { get; init; }

    /// <summary><c>VirtualMachine</c>, or <c>VirtualMachineInstance</c> for what cannot be started again.</summary>
    public required string Kind { get; init; }

    /// <summary>KubeVirt's printableStatus: <c>Running</c>, <c>Stopped</c>, <c>ErrorUnschedulable</c> and so on; of an instance alone its phase.</summary>
    public required string Status { get; init; }

    /// <summary>One of <see cref="PowerStates"/>.</summary>
    public required string PowerState { get; init; }

    public bool Ready { get; init; }

    /// <summary><c>Always</c>, <c>Halted</c>, <c>Manual</c>, <c>RerunOnFailure</c> or <c>Once</c>; null for an instance alone.</summary>
    public string? RunStrategy { get; init; }

    public string? Node { get; init; }

    public IReadOnlyList<string> IpAddresses { get; init; } = [];

    /// <summary>Virtual CPUs; null where only an instancetype would say.</summary>
    public int? Cpus { get; init; }

    /// <summary>The guest's memory in bytes; null where only an instancetype would say.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>As the guest's agent names it.</summary>
    public string? GuestOs { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Why it is not as it should be, where something says so.</summary>
    public string? Message { get; init; }
}

/// <summary>Which machines are asked for; all of it may be left out.</summary>
public sealed record VmListRequest
{
    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }

    /// <summary>
    /// Then <see cref="Provider"/> must be left out, and of each that may be used machines are shown as far as the rights reach: in
    /// <see cref="Namespace"/>, else in all namespaces, else in the provider's own.
    /// </summary>
    public bool AllProviders { get; init; }

    /// <summary>Without it the provider's.</summary>
    public string? Namespace { get; init; }

    /// <summary>Then <see cref="Namespace"/> must be left out.</summary>
    public bool AllNamespaces { get; init; }

    /// <summary>Labels that a machine must have, all of them.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>A part of the name, of the namespace or of an address, in whatever case.</summary>
    public string? Search { get; init; }

    /// <summary>One of <see cref="PowerStates"/>.</summary>
    public string? PowerState { get; init; }

    /// <summary>How many at most; from 1 to 1000, and 100 without it.</summary>
    public int? Limit { get; init; }

    /// <summary>The page after the one that told it.</summary>
    public string? Continue { get; init; }
}

/// <param name="Vms">By provider, namespace and name.</param>
/// <param name="Total">How many there are on all pages.</param>
/// <param name="Continue">Asks for the next page; null on the last.</param>
public sealed record VmList(IReadOnlyList<VmSummary> Vms, int Total, DateTimeOffset Timestamp, string? Continue)
{
    /// <summary>Of all providers: those whose machines are not shown. Null where one is asked for.</summary>
    public IReadOnlyList<ProviderProblem>? Problems { get; init; }
}

/// <param name="Provider">Its name.</param>
/// <param name="Error">Why its machines are not shown.</param>
public sealed record ProviderProblem(string Provider, string Error);

/// <summary>A machine with everything that is known of it.</summary>
/// <param name="Vm">As in a list.</param>
/// <param name="Manifest">The VirtualMachine as the cluster has it; null where there is an instance alone.</param>
/// <param name="Instance">The VirtualMachineInstance, where there is one.</param>
public sealed record VmDetails(VmSummary Vm, JsonObject? Manifest, JsonObject? Instance, DateTimeOffset Timestamp);

/// <summary>How a machine is started or stopped; all of it may be left out.</summary>
public sealed record VmPowerRequest
{
    public string? Provider { get; init; }

    /// <summary>To start it with its CPUs held.</summary>
    public bool Paused { get; init; }

    /// <summary>How long the guest may take to shut down, in seconds; 0: not at all.</summary>
    public long? GracePeriodSeconds { get; init; }
}

/// <summary>What was done, or is under way.</summary>
/// <param name="Id"><c>namespace/name</c>; of a provider its name.</param>
/// <param name="Message">For people.</param>
public sealed record VmAnswer(string Id, string Message, DateTimeOffset Timestamp) : IOutcome
{
    string IOutcome.Outcome => Message;
}

/// <summary>Which machines are read anew; all of it may be left out.</summary>
public sealed record RefreshRequest
{
    /// <summary>The provider's name; without it the coordinator's own cluster.</summary>
    public string? Provider { get; init; }

    /// <summary>Of which namespace it is told; without it the provider's.</summary>
    public string? Namespace { get; init; }

    /// <summary>Then <see cref="Namespace"/> must be left out.</summary>
    public bool AllNamespaces { get; init; }
}

/// <summary>A machine that is another than it was known.</summary>
/// <param name="Type"><see cref="Added"/>, <see cref="Changed"/> or <see cref="Removed"/>.</param>
/// <param name="Vm">As it is; of one that is gone as it was known.</param>
/// <param name="Fields">Which fields of a changed one were others.</param>
public sealed record VmDifference(string Type, VmSummary Vm, IReadOnlyList<string> Fields)
{
    public const string Added = "added", Changed = "changed", Removed = "removed";
}

/// <param name="Differences">What was known otherwise; none where all was as known.</param>
/// <param name="Total">How many machines there are now.</param>
public sealed record RefreshAnswer(IReadOnlyList<VmDifference> Differences, int Total, DateTimeOffset Timestamp);

/// <summary>Why something was not done.</summary>
public sealed record RestError(string Error, DateTimeOffset Timestamp);
