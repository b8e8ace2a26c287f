using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>Where a disk's content comes from: exactly one of the sources.</summary>
public sealed record VmVolume
{
    [Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), MaxLength(63)]
    public required string Name { get; init; }

    public ClaimVolume? PersistentVolumeClaim { get; init; }

    public DataVolumeVolume? DataVolume { get; init; }

    public ContainerDiskVolume? ContainerDisk { get; init; }

    public CloudInitVolume? CloudInitNoCloud { get; init; }

    public CloudInitVolume? CloudInitConfigDrive { get; init; }

    public EmptyDiskVolume? EmptyDisk { get; init; }

    public HostDiskVolume? HostDisk { get; init; }

    public ConfigMapVolume? ConfigMap { get; init; }

    public SecretVolume? Secret { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The PersistentVolumeClaim that it lies on; null for the other kinds.</summary>
    [JsonIgnore]
    public string? Claim => PersistentVolumeClaim?.ClaimName ?? DataVolume?.Name;
}

public sealed record ClaimVolume
{
    public required string ClaimName { get; init; }

    public bool? ReadOnly { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Description("The claim that a DataVolume of this name fills.")]
public sealed record DataVolumeVolume
{
    public required string Name { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Description("A disk in a container image, fetched anew for each instance; what the guest writes goes with it.")]
public sealed record ContainerDiskVolume
{
    [MaxLength(1024)]
    public required string Image { get; init; }

    [Description("A Secret of type kubernetes.io/dockerconfigjson.")]
    public string? ImagePullSecret { get; init; }

    [Description("The disk is fetched anew for each instance, whatever this says.")]
    public string? ImagePullPolicy { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Rule(
    "(has(self.userData) ? 1 : 0) + (has(self.userDataBase64) ? 1 : 0) + (has(self.secretRef) ? 1 : 0) <= 1",
    "userData, userDataBase64 and secretRef exclude one another")]
[Rule(
    "(has(self.networkData) ? 1 : 0) + (has(self.networkDataBase64) ? 1 : 0) + (has(self.networkDataSecretRef) ? 1 : 0) <= 1",
    "networkData, networkDataBase64 and networkDataSecretRef exclude one another")]
public sealed record CloudInitVolume
{
    [MaxLength(65536)]
    public string? UserData { get; init; }

    [MaxLength(65536)]
    public string? UserDataBase64 { get; init; }

    [Description("A Secret with the key userdata.")]
    public NameReference? SecretRef { get; init; }

    [MaxLength(65536)]
    public string? NetworkData { get; init; }

    [MaxLength(65536)]
    public string? NetworkDataBase64 { get; init; }

    [Description("A Secret with the key networkdata.")]
    public NameReference? NetworkDataSecretRef { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record NameReference(string Name);

[Description("A blank disk that goes with the instance.")]
public sealed record EmptyDiskVolume
{
    public required Quantity Capacity { get; init; }
}

[Description("A disk in a file of the node's: only below the paths that the coordinator's settings allow.")]
public sealed record HostDiskVolume
{
    [MaxLength(4096)]
    public required string Path { get; init; }

    [OneOf("Disk", "DiskOrCreate")]
    public required string Type { get; init; }

    public Quantity? Capacity { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Description("The files of a ConfigMap on a read-only disk.")]
public sealed record ConfigMapVolume
{
    public required string Name { get; init; }

    public bool? Optional { get; init; }

    [Description("The disk's label; cfgdata where it is missing.")]
    [MaxLength(32)]
    public string? VolumeLabel { get; init; }
}

[Description("The files of a Secret on a read-only disk.")]
public sealed record SecretVolume
{
    public required string SecretName { get; init; }

    public bool? Optional { get; init; }

    [Description("The disk's label; cfgdata where it is missing.")]
    [MaxLength(32)]
    public string? VolumeLabel { get; init; }
}
