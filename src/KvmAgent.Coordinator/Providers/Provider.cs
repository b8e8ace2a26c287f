using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Providers;

/// <summary>A cluster whose machines are managed here: by KubeVirt's API alone, so that it may be one of ours as well as one that runs KubeVirt.</summary>
internal sealed record Provider
{
    /// <summary>The coordinator's own.</summary>
    public const string Own = ProviderNames.Own;

    public const string UsualNamespace = "default";

    /// <summary>How a request without a body names one.</summary>
    public static readonly (string Name, string Description) Parameter = ("provider", "The provider's name; without it the coordinator's own cluster.");

    public required string Name { get; init; }

    public bool IsOwn => Name == Own;

    /// <summary>Where a machine is that is named without a namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>Those whose machines are seen; null: all.</summary>
    public required IReadOnlyList<string>? Namespaces { get; init; }

    public bool AllNamespaces => Namespaces is null;

    /// <summary>Of volumes that say none; null: the cluster's own choice.</summary>
    public string? StorageClass { get; init; }

    public required VmTable Vms { get; init; }

    /// <summary>In whose name it is asked: of the own cluster each caller's, by its token.</summary>
    public required Func<Caller, KubernetesClient> ClientFor { get; init; }
}
