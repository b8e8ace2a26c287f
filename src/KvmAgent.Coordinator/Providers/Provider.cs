using KvmAgent.Coordinator.Inventory;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Providers;

/// <summary>A cluster whose machines are managed here: by KubeVirt's API alone, so that it may be one of ours as well as one that runs KubeVirt.</summary>
internal sealed record Provider
{
    /// <summary>The coordinator's own.</summary>
    public const string Own = "local";

    public required string Name { get; init; }

    /// <summary>Where a machine is that is named without a namespace.</summary>
    public required string Namespace { get; init; }

    public required VmTable Vms { get; init; }

    /// <summary>In whose name it is asked: of the own cluster each caller's, by its token.</summary>
    public required Func<Caller, KubernetesClient> ClientFor { get; init; }
}

/// <summary>All that there are.</summary>
internal sealed class ProviderList(IReadOnlyList<Provider> providers)
{
    /// <summary>How a request without a body names one.</summary>
    public static readonly (string Name, string Description) Parameter = ("provider", "The provider's name; without it the coordinator's own cluster.");

    /// <param name="name">Null: the own one.</param>
    /// <exception cref="CoordinatorException">There is none of the name.</exception>
    public Provider Get(string? name) => providers.FirstOrDefault(p => p.Name == (name ?? Provider.Own))
        ?? throw new CoordinatorException(FailureReason.NotFound, $"provider \"{name}\" not found; there are {string.Join(", ", providers.Select(static p => p.Name))}");
}
