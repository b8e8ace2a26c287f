using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What an administrator decides for all imports.</summary>
internal sealed record ImportOptions
{
    /// <summary>How many importer pods there may be at once.</summary>
    public int Concurrency { get; init; } = 10;

    /// <summary>Of an importer's container.</summary>
    public IReadOnlyDictionary<string, Quantity> Requests { get; init; } = new Dictionary<string, Quantity> { ["cpu"] = new("100m"), ["memory"] = new("256Mi") };

    /// <summary>Likewise.</summary>
    public IReadOnlyDictionary<string, Quantity> Limits { get; init; } = new Dictionary<string, Quantity> { ["memory"] = new("256Mi") };
}
