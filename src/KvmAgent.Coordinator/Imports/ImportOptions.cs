using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What an administrator decides for all imports.</summary>
internal sealed record ImportOptions
{
    /// <summary>How many importer pods there may be at once.</summary>
    public int Concurrency { get; init; } = 10;

    /// <summary>Of an importer's container.</summary>
    public IReadOnlyDictionary<string, Quantity> Requests { get; init; } = PodSecurity.ImporterResources.Requests!;

    /// <summary>Likewise.</summary>
    public IReadOnlyDictionary<string, Quantity> Limits { get; init; } = PodSecurity.ImporterResources.Limits!;
}
