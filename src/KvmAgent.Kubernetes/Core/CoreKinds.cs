using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>The kinds of Kubernetes' own that are read or written here.</summary>
public static class CoreKinds
{
    public static readonly ResourceKind<Pod> Pods = new("", "v1", "pods", "Pod", true, CoreJson.Default.Pod);

    public static readonly ResourceKind<Node> Nodes = new("", "v1", "nodes", "Node", false, CoreJson.Default.Node);

    public static readonly ResourceKind<ConfigMap> ConfigMaps = new("", "v1", "configmaps", "ConfigMap", true, CoreJson.Default.ConfigMap);

    public static readonly ResourceKind<Event> Events = new("", "v1", "events", "Event", true, CoreJson.Default.Event);

    public static readonly ResourceKind<Secret> Secrets = new("", "v1", "secrets", "Secret", true, CoreJson.Default.Secret);

    public static readonly ResourceKind<ApiService> ApiServices =
        new("apiregistration.k8s.io", "v1", "apiservices", "APIService", false, CoreJson.Default.ApiService);

    public static readonly ResourceKind<PersistentVolumeClaim> PersistentVolumeClaims =
        new("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, CoreJson.Default.PersistentVolumeClaim);

    public static readonly ResourceKind<StorageClass> StorageClasses =
        new("storage.k8s.io", "v1", "storageclasses", "StorageClass", false, CoreJson.Default.StorageClass);

    /// <summary>Not each server has it: see <see cref="KubernetesException.IsKindUnknown"/>.</summary>
    public static readonly ResourceKind<VolumeSnapshot> VolumeSnapshots =
        new("snapshot.storage.k8s.io", "v1", "volumesnapshots", "VolumeSnapshot", true, CoreJson.Default.VolumeSnapshot);

    /// <summary>Likewise.</summary>
    public static readonly ResourceKind<VolumeSnapshotContent> VolumeSnapshotContents =
        new("snapshot.storage.k8s.io", "v1", "volumesnapshotcontents", "VolumeSnapshotContent", false, CoreJson.Default.VolumeSnapshotContent);

    /// <summary>Likewise.</summary>
    public static readonly ResourceKind<VolumeSnapshotClass> VolumeSnapshotClasses =
        new("snapshot.storage.k8s.io", "v1", "volumesnapshotclasses", "VolumeSnapshotClass", false, CoreJson.Default.VolumeSnapshotClass);
}

[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(ApiService))]
[JsonSerializable(typeof(PersistentVolumeClaim))]
[JsonSerializable(typeof(StorageClass))]
[JsonSerializable(typeof(VolumeSnapshot))]
[JsonSerializable(typeof(VolumeSnapshotContent))]
[JsonSerializable(typeof(VolumeSnapshotClass))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(PooledStringConverter)])]
internal sealed partial class CoreJson : JsonSerializerContext;
