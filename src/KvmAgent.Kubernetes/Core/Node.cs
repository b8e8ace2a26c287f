using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>core/v1 Node.</summary>
public sealed record Node : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public NodeSpec? Spec { get; init; }

    public NodeStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record NodeSpec
{
    /// <summary>Cordoned.</summary>
    public bool? Unschedulable { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record NodeStatus
{
    /// <summary>What the machine has, by resource: <c>cpu</c>, <c>memory</c>, <c>devices.kubevirt.io/kvm</c>.</summary>
    public IReadOnlyDictionary<string, Quantity>? Capacity { get; init; }

    public NodeSystemInfo? NodeInfo { get; init; }

    public IReadOnlyList<NodeAddress>? Addresses { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record NodeSystemInfo
{
    /// <summary>As Go has it: <c>amd64</c>.</summary>
    public string? Architecture { get; init; }

    public string? KernelVersion { get; init; }

    public string? OsImage { get; init; }

    public string? OperatingSystem { get; init; }

    [JsonPropertyName("machineID")]
    public string? MachineId { get; init; }

    public string? KubeletVersion { get; init; }

    public string? ContainerRuntimeVersion { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <param name="Type"><c>InternalIP</c>, <c>Hostname</c> and so on.</param>
public sealed record NodeAddress(string Type, string Address);
