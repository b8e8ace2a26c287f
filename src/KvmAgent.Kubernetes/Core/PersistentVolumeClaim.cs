using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>core/v1 PersistentVolumeClaim.</summary>
public sealed record PersistentVolumeClaim : IKubernetesObject
{
    public const string Block = "Block", Filesystem = "Filesystem", Bound = "Bound", Lost = "Lost";

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public PersistentVolumeClaimSpec? Spec { get; init; }

    public PersistentVolumeClaimStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PersistentVolumeClaimSpec
{
    public IReadOnlyList<string>? AccessModes { get; init; }

    /// <summary><c>Block</c> or <c>Filesystem</c>, which it is where nothing is said.</summary>
    public string? VolumeMode { get; init; }

    public string? StorageClassName { get; init; }

    public string? VolumeName { get; init; }

    public ResourceRequirements? Resources { get; init; }

    /// <summary>What the storage itself fills it from: it is not bound before that is done.</summary>
    public ClaimDataSource? DataSource { get; init; }

    /// <summary>The size that is asked for.</summary>
    [JsonIgnore]
    public Quantity? Storage => Resources?.Requests is { } requests && requests.TryGetValue("storage", out var size) ? size : null;

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Of the claim's own namespace.</summary>
/// <param name="ApiGroup">Null for a claim.</param>
public sealed record ClaimDataSource(string? ApiGroup, string Kind, string Name);

public sealed record PersistentVolumeClaimStatus
{
    /// <summary><c>Pending</c>, <c>Bound</c> or <c>Lost</c>.</summary>
    public string? Phase { get; init; }

    /// <summary>What its volume has, which may be more than was asked for; none before it is bound.</summary>
    public IReadOnlyDictionary<string, Quantity>? Capacity { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
