using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>cdi.kubevirt.io DataSource: a name that stays for a source that changes.</summary>
[Description("A lasting name for what DataVolumes are cloned from.")]
public sealed record DataSource : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public DataSourceSpec? Spec { get; init; }

    public DataSourceStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record DataSourceSpec
{
    public required DataSourceSource Source { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>One of them, or none yet.</summary>
[Rule("[has(self.pvc), has(self.snapshot), has(self.dataSource)].filter(s, s).size() <= 1", "only one of pvc, snapshot and dataSource goes")]
public sealed record DataSourceSource
{
    public SourceObject? Pvc { get; init; }

    public SourceObject? Snapshot { get; init; }

    [Description("Another DataSource of the same namespace.")]
    public SourceObject? DataSource { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record SourceObject
{
    public string? Namespace { get; init; }

    public required string Name { get; init; }
}

public sealed record DataSourceStatus
{
    [Description("What the source comes to in the end.")]
    public DataSourceSource? Source { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
