using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>kubevirt.io VirtualMachineInstanceMigration: known, so that clients find the kind; nothing is migrated yet.</summary>
[Description("A wish to move an instance to another node.")]
public sealed record VirtualMachineInstanceMigration : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public MigrationSpec? Spec { get; init; }

    public MigrationStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Rule("has(self.vmiName) && self.vmiName.size() > 0", "vmiName is needed: the instance to move")]
public sealed record MigrationSpec
{
    [MaxLength(253)]
    public string? VmiName { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record MigrationStatus
{
    public string? Phase { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
