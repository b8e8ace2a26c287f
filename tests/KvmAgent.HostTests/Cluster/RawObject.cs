using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.HostTests.Cluster;

/// <summary>An object of any kind, for what only tests create.</summary>
internal sealed record RawObject : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

internal static class RawObjects
{
    public static ResourceKind<RawObject> Kind(string group, string version, string plural, string kind, bool namespaced = true) =>
        new(group, version, plural, kind, namespaced, RawJson.Default.RawObject);

    /// <summary>Makes an object of JSON; the kind says where.</summary>
    public static Task<RawObject> CreateAsync(this KubernetesClient client, ResourceKind<RawObject> kind, string json) =>
        client.CreateAsync(kind, JsonSerializer.Deserialize(json, RawJson.Default.RawObject)!, CancellationToken.None);

    /// <summary>The same, where it may be there already.</summary>
    public static Task<RawObject> EnsureAsync(this KubernetesClient client, ResourceKind<RawObject> kind, string json) =>
        client.CreateOrFindAsync(kind, JsonSerializer.Deserialize(json, RawJson.Default.RawObject)!, CancellationToken.None);

    public static JsonObject ToJson(this RawObject obj) => JsonSerializer.SerializeToNode(obj, RawJson.Default.RawObject)!.AsObject();
}

[JsonSerializable(typeof(RawObject))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class RawJson : JsonSerializerContext;
