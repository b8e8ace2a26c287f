using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>
/// metav1.ObjectMeta. Of the API's types only what is read here has a name; the rest is kept in <c>Unknown</c> and written back, so that
/// no write takes away what another client set.
/// </summary>
public sealed record ObjectMeta
{
    public string? Name { get; init; }

    /// <summary>The server makes a name that begins so.</summary>
    public string? GenerateName { get; init; }

    /// <summary>Null for what belongs to no namespace.</summary>
    public string? Namespace { get; init; }

    public string? Uid { get; init; }

    /// <summary>Compared for equality only.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts the changes of the spec.</summary>
    public long? Generation { get; init; }

    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>Set once it is being deleted; it goes when its finalizers and its grace period are over.</summary>
    public DateTimeOffset? DeletionTimestamp { get; init; }

    public long? DeletionGracePeriodSeconds { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    public IReadOnlyList<OwnerReference>? OwnerReferences { get; init; }

    public IReadOnlyList<string>? Finalizers { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The owner that reconciles it.</summary>
    [JsonIgnore]
    public OwnerReference? Controller => OwnerReferences?.FirstOrDefault(static o => o.Controller == true);

    public string? Label(string name) => Labels?.GetValueOrDefault(name);

    public string? Annotation(string name) => Annotations?.GetValueOrDefault(name);
}

/// <summary>metav1.OwnerReference: the object goes when its owner goes.</summary>
public sealed record OwnerReference
{
    public required string ApiVersion { get; init; }

    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string Uid { get; init; }

    public bool? Controller { get; init; }

    /// <summary>A deletion of the owner in the foreground waits for this object.</summary>
    public bool? BlockOwnerDeletion { get; init; }
}
