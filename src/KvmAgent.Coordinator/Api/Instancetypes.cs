using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>instancetype.kubevirt.io VirtualMachineInstancetype: a size of machines, for the machines of its namespace.</summary>
[Description("A size of virtual machines.")]
public sealed record VirtualMachineInstancetype : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public InstancetypeSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The same for all namespaces.</summary>
[Description("A size of virtual machines of all namespaces.")]
public sealed record VirtualMachineClusterInstancetype : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public InstancetypeSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>What a machine gets that names it, and may not say itself.</summary>
public sealed record InstancetypeSpec
{
    public required InstancetypeCpu Cpu { get; init; }

    public required InstancetypeMemory Memory { get; init; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }

    public string? SchedulerName { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record InstancetypeCpu
{
    [Description("How many virtual CPUs; the preference says whether as sockets, cores or threads.")]
    [Minimum(1), Maximum(255)]
    public required int Guest { get; init; }

    [Pattern("^[A-Za-z0-9][-A-Za-z0-9._]*$"), MaxLength(64)]
    public string? Model { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Rule(Memory.IsPositive, "the memory must be more than 0")]
public sealed record InstancetypeMemory
{
    public required Quantity Guest { get; init; }

    public Hugepages? Hugepages { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
