using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>instancetype.kubevirt.io VirtualMachinePreference: what a kind of guest likes best, for the machines of its namespace.</summary>
[Description("What a kind of guest likes best.")]
public sealed record VirtualMachinePreference : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public PreferenceSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The same for all namespaces.</summary>
[Description("What a kind of guest likes best, for all namespaces.")]
public sealed record VirtualMachineClusterPreference : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public PreferenceSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Fills what a machine leaves open.</summary>
public sealed record PreferenceSpec
{
    public PreferredCpu? Cpu { get; init; }

    public PreferredDevices? Devices { get; init; }

    public PreferredFirmware? Firmware { get; init; }

    public PreferredMachine? Machine { get; init; }

    [Minimum(0)]
    public long? PreferredTerminationGracePeriodSeconds { get; init; }

    [Description("The ratio of the topology spread; 2 where it is missing.")]
    [Minimum(0), Maximum(255)]
    public int? PreferSpreadSocketToCoreRatio { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PreferredCpu
{
    [OneOf("cores", "sockets", "threads", "spread", "any", "preferCores", "preferSockets", "preferThreads", "preferSpread", "preferAny")]
    public string? PreferredCPUTopology { get; init; }

    public SpreadOptions? SpreadOptions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record SpreadOptions
{
    [OneOf("SocketsCoresThreads", "SocketsCores", "CoresThreads")]
    public string? Across { get; init; }

    [Minimum(1), Maximum(255)]
    public int? Ratio { get; init; }
}

public sealed record PreferredDevices
{
    [OneOf("virtio", "sata", "scsi")]
    public string? PreferredDiskBus { get; init; }

    [OneOf("sata", "scsi", "virtio")]
    public string? PreferredCdromBus { get; init; }

    [OneOf("none", "writethrough", "writeback")]
    public string? PreferredDiskCache { get; init; }

    [OneOf("native", "threads", "default")]
    public string? PreferredDiskIO { get; init; }

    [OneOf("virtio", "e1000e")]
    public string? PreferredInterfaceModel { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PreferredFirmware
{
    public bool? PreferredUseBios { get; init; }

    [Description("Deprecated: use preferredEfi.")]
    public bool? PreferredUseEfi { get; init; }

    [Description("Deprecated: use preferredEfi. Only false can be had.")]
    public bool? PreferredUseSecureBoot { get; init; }

    public Efi? PreferredEfi { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PreferredMachine
{
    [MaxLength(64)]
    public string? PreferredMachineType { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
