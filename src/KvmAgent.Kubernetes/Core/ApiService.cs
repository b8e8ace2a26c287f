using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>apiregistration.k8s.io/v1 APIService: where the API server finds an aggregated API.</summary>
public sealed record ApiService : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public ApiServiceSpec? Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record ApiServiceSpec
{
    /// <summary>PEM: who signed the certificate that the API serves.</summary>
    public byte[]? CaBundle { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
