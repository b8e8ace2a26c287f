using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>storage.k8s.io StorageClass.</summary>
public sealed record StorageClass : IKubernetesObject
{
    public const string WaitForFirstConsumer = "WaitForFirstConsumer";

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    /// <summary>A CSI driver's name, mostly.</summary>
    public string? Provisioner { get; init; }

    /// <summary><c>Immediate</c>, which it is where nothing is said, or <see cref="WaitForFirstConsumer"/>.</summary>
    public string? VolumeBindingMode { get; init; }

    public bool? AllowVolumeExpansion { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
