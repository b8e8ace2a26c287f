using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>coordination.k8s.io/v1 Lease: who holds something, and when the holder was last heard of.</summary>
public sealed record Lease : IKubernetesObject
{
    public static ResourceKind<Lease> Resource { get; } =
        new("coordination.k8s.io", "v1", "leases", "Lease", Namespaced: true, KubernetesJson.Default.Lease);

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public LeaseSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record LeaseSpec
{
    /// <summary>Empty or null: nobody.</summary>
    public string? HolderIdentity { get; init; }

    /// <summary>Not heard of for so long, the holder counts as gone.</summary>
    public int? LeaseDurationSeconds { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; init; }

    /// <summary>How often it changed hands.</summary>
    public int? LeaseTransitions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
