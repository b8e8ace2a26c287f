using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>snapshot.storage.k8s.io VolumeSnapshot: of a kind that not each cluster has.</summary>
public sealed record VolumeSnapshot : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public VolumeSnapshotSpec? Spec { get; init; }

    public VolumeSnapshotStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VolumeSnapshotSpec
{
    public string? VolumeSnapshotClassName { get; init; }

    public VolumeSnapshotSource? Source { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VolumeSnapshotSource
{
    /// <summary>Of the snapshot's namespace; null where it was not made of a claim here.</summary>
    public string? PersistentVolumeClaimName { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VolumeSnapshotStatus
{
    public bool? ReadyToUse { get; init; }

    /// <summary>What a claim that is made of it must have at least.</summary>
    public Quantity? RestoreSize { get; init; }

    /// <summary>The <see cref="VolumeSnapshotContent"/>; null: there is none yet.</summary>
    public string? BoundVolumeSnapshotContentName { get; init; }

    /// <summary>Of the last try; there are others.</summary>
    public VolumeSnapshotError? Error { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VolumeSnapshotError
{
    public string? Message { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>snapshot.storage.k8s.io VolumeSnapshotContent: what the storage has of a snapshot.</summary>
public sealed record VolumeSnapshotContent : IKubernetesObject
{
    /// <summary>Annotation: where it is <c>true</c>, claims of the other mode are made of it too.</summary>
    public const string AllowsOtherMode = "snapshot.storage.kubernetes.io/allow-volume-mode-change";

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public VolumeSnapshotContentSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VolumeSnapshotContentSpec
{
    /// <summary>As a StorageClass's provisioner.</summary>
    public string? Driver { get; init; }

    /// <summary>Of the claim that was there; null where it is not known.</summary>
    public string? SourceVolumeMode { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>snapshot.storage.k8s.io VolumeSnapshotClass.</summary>
public sealed record VolumeSnapshotClass : IKubernetesObject
{
    public const string IsDefault = "snapshot.storage.kubernetes.io/is-default-class";

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    /// <summary>As a StorageClass's provisioner.</summary>
    public string? Driver { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
