using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>kubevirt.io VirtualMachine: a machine that can be started and stopped.</summary>
[Description("A virtual machine that can be started and stopped, and keeps its disks.")]
public sealed record VirtualMachine : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public VirtualMachineSpec? Spec { get; init; }

    public VirtualMachineStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>When a machine runs.</summary>
public static class RunStrategies
{
    public const string Always = "Always", Halted = "Halted", Manual = "Manual", RerunOnFailure = "RerunOnFailure", Once = "Once";
}

[Rule("!(has(self.running) && has(self.runStrategy))", "running and runStrategy exclude one another; use runStrategy")]
[Rule("has(self.running) || has(self.runStrategy)", "one of running and runStrategy is needed; use runStrategy")]
public sealed record VirtualMachineSpec
{
    [Description("Deprecated: true is runStrategy Always, false is Halted.")]
    public bool? Running { get; init; }

    [OneOf(RunStrategies.Always, RunStrategies.Halted, RunStrategies.Manual, RunStrategies.RerunOnFailure, RunStrategies.Once)]
    public string? RunStrategy { get; init; }

    public required VmiTemplate Template { get; init; }

    public InstancetypeMatcher? Instancetype { get; init; }

    public InstancetypeMatcher? Preference { get; init; }

    [Description("DataVolumes that are made for the machine, and go with it.")]
    public IReadOnlyList<DataVolumeTemplate>? DataVolumeTemplates { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The strategy, by whichever of the two it is said.</summary>
    [JsonIgnore]
    public string EffectiveRunStrategy => RunStrategy ?? (Running == true ? RunStrategies.Always : RunStrategies.Halted);
}

public sealed record VmiTemplate
{
    [Description("Labels and annotations reach the instance and its pod.")]
    public JsonObject? Metadata { get; init; }

    public required VmiSpec Spec { get; init; }
}

public sealed record InstancetypeMatcher
{
    public string? Name { get; init; }

    [Description("VirtualMachineClusterInstancetype (or …Preference) where it is missing.")]
    public string? Kind { get; init; }

    public string? RevisionName { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VirtualMachineStatus
{
    /// <summary>Whether an instance is there.</summary>
    public bool? Created { get; init; }

    public bool? Ready { get; init; }

    /// <summary>For people: <c>Running</c>, <c>Stopped</c>, <c>Starting</c> and so on.</summary>
    public string? PrintableStatus { get; init; }

    public string? RunStrategy { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    /// <summary>What a person asked for by a subresource, until it has been done.</summary>
    public IReadOnlyList<StateChangeRequest>? StateChangeRequests { get; init; }

    public StartFailure? StartFailure { get; init; }

    public long? ObservedGeneration { get; init; }

    public long? DesiredGeneration { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <param name="Action"><c>Start</c> or <c>Stop</c>.</param>
/// <param name="Uid">Of the instance to stop.</param>
public sealed record StateChangeRequest(string Action, string? Uid)
{
    public const string Start = "Start", Stop = "Stop";

    public IReadOnlyDictionary<string, string>? Data { get; init; }
}

/// <summary>How often in a row the machine failed to come up, and when it is tried again.</summary>
public sealed record StartFailure
{
    public int? ConsecutiveFailCount { get; init; }

    public string? LastFailedVMIUID { get; init; }

    public DateTimeOffset? RetryAfterTimestamp { get; init; }
}
