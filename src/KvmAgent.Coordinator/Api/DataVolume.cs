using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>cdi.kubevirt.io DataVolume: a claim, and what it is filled with.</summary>
[Description("A PersistentVolumeClaim that is made and filled from a source.")]
public sealed record DataVolume : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public DataVolumeSpec? Spec { get; init; }

    public DataVolumeStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Rule("has(self.source) != has(self.sourceRef)", "one of source and sourceRef is needed, and not both")]
[Rule("has(self.pvc) != has(self.storage)", "one of pvc and storage is needed, and not both; storage has defaults")]
public sealed record DataVolumeSpec
{
    public DataVolumeSource? Source { get; init; }

    public DataVolumeSourceRef? SourceRef { get; init; }

    [Description("The claim's spec, as it shall be.")]
    public DataVolumeClaim? Pvc { get; init; }

    [Description("Likewise, with defaults; the size is the disk's, and the claim is made larger where it has a file system.")]
    public DataVolumeClaim? Storage { get; init; }

    [OneOf("kubevirt", "archive")]
    public string? ContentType { get; init; }

    public bool? Preallocation { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>What stands for a source.</summary>
public sealed record DataVolumeSourceRef
{
    [OneOf("DataSource")]
    public required string Kind { get; init; }

    public string? Namespace { get; init; }

    public required string Name { get; init; }
}

/// <summary>What of a claim's spec is read here; the rest goes into the claim as it is.</summary>
public sealed record DataVolumeClaim
{
    public IReadOnlyList<string>? AccessModes { get; init; }

    [OneOf("Block", "Filesystem")]
    public string? VolumeMode { get; init; }

    public DataVolumeResources? Resources { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>By resource.</summary>
public sealed record DataVolumeResources
{
    public IReadOnlyDictionary<string, Quantity>? Requests { get; init; }

    public IReadOnlyDictionary<string, Quantity>? Limits { get; init; }
}

/// <summary>One of them.</summary>
public sealed record DataVolumeSource
{
    public DataVolumeEndpoint? Http { get; init; }

    public DataVolumeEndpoint? S3 { get; init; }

    public DataVolumeEndpoint? Registry { get; init; }

    [Description("Another claim, of which this shall be a copy.")]
    public SourceObject? Pvc { get; init; }

    [Description("An image that somebody sends.")]
    public JsonObject? Upload { get; init; }

    [Description("A VolumeSnapshot of the same namespace.")]
    public SourceObject? Snapshot { get; init; }

    [Description("An empty disk.")]
    public JsonObject? Blank { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Where the image is, and what is needed to get it.</summary>
public sealed record DataVolumeEndpoint
{
    public string? Url { get; init; }

    [Description("A Secret with accessKeyId and secretKey.")]
    public string? SecretRef { get; init; }

    public string? CertConfigMap { get; init; }

    public string? Checksum { get; init; }

    [Description("Headers as 'Name: value'.")]
    public IReadOnlyList<string>? ExtraHeaders { get; init; }

    [Description("Secrets whose values are headers.")]
    public IReadOnlyList<string>? SecretExtraHeaders { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Of a machine's spec: a DataVolume of its own.</summary>
[Rule("has(self.metadata.name)", "the name is needed: the machine's volumes name it")]
public sealed record DataVolumeTemplate
{
    [Description("Its name, labels and annotations.")]
    public required VolumeTemplateMetadata Metadata { get; init; }

    public required DataVolumeSpec Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The name is declared, for a rule may speak only of what is.</summary>
public sealed record VolumeTemplateMetadata
{
    public string? Name { get; init; }

    public JsonObject? Labels { get; init; }

    public JsonObject? Annotations { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record DataVolumeStatus
{
    public string? ClaimName { get; init; }

    /// <summary>See <see cref="DataVolumePhases"/>.</summary>
    public string? Phase { get; init; }

    /// <summary>A percentage, or <c>N/A</c>.</summary>
    public string? Progress { get; init; }

    public int? RestartCount { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>CDI's.</summary>
public static class DataVolumePhases
{
    public const string Pending = "Pending", PvcBound = "PVCBound", ImportScheduled = "ImportScheduled", ImportInProgress = "ImportInProgress",
        UploadScheduled = "UploadScheduled", UploadReady = "UploadReady", CloneScheduled = "CloneScheduled", CloneInProgress = "CloneInProgress",
        CsiCloneInProgress = "CSICloneInProgress", SnapshotInProgress = "SnapshotForSmartCloneInProgress", RestoreInProgress = "CloneFromSnapshotSourceInProgress", WaitForFirstConsumer = "WaitForFirstConsumer",
        Succeeded = "Succeeded", Failed = "Failed";
}
