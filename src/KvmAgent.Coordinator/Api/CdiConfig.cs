using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>cdi.kubevirt.io CDIConfig, of which there is one, named <c>config</c>: what clients of the importer need to know.</summary>
[Description("Where images are sent: virtctl looks it up here.")]
public sealed record CdiConfig : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public CdiConfigSpec? Spec { get; init; }

    public CdiConfigStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record CdiConfigSpec
{
    [JsonPropertyName("uploadProxyURLOverride")]
    [Description("Instead of the one that the coordinator has in its settings.")]
    public string? UploadUrl { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record CdiConfigStatus
{
    [JsonPropertyName("uploadProxyURL")]
    public string? UploadUrl { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
