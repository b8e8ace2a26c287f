using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>The kinds of KubeVirt's that the coordinator realises.</summary>
internal static class Kinds
{
    public const string Group = "kubevirt.io", Version = "v1";

    public static readonly ResourceKind<VirtualMachine> VirtualMachines =
        new(Group, Version, "virtualmachines", "VirtualMachine", true, ApiJson.Default.VirtualMachine);

    public static readonly ResourceKind<VirtualMachineInstance> VirtualMachineInstances =
        new(Group, Version, "virtualmachineinstances", "VirtualMachineInstance", true, ApiJson.Default.VirtualMachineInstance);
}

[JsonSerializable(typeof(VirtualMachine))]
[JsonSerializable(typeof(VirtualMachineInstance))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ApiJson : JsonSerializerContext;
