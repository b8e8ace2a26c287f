using System.Text.Json;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>cdi.kubevirt.io DataImportCron: an image that changes, imported anew each time, under one name.</summary>
[Description("Looks at an image by a schedule, imports what is new, and lets a DataSource name it.")]
public sealed record DataImportCron : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public DataImportCronSpec? Spec { get; init; }

    public DataImportCronStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record DataImportCronSpec
{
    public required DataImportCronTemplate Template { get; init; }

    [Description("Minute, hour, day of the month, month and day of the week in UTC, as 30 1 * * 1; empty: only once.")]
    public required string Schedule { get; init; }

    [Description("The DataSource that names the newest import.")]
    public required string ManagedDataSource { get; init; }

    [Minimum(0)]
    public int? ImportsToKeep { get; init; }

    [OneOf("Outdated", "Never")]
    public string? GarbageCollect { get; init; }

    [Description("What is left of the imports and the DataSource when this is deleted.")]
    [OneOf("RetainAll", "None")]
    public string? RetentionPolicy { get; init; }

    public string? CreatedBy { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Of the DataVolumes that are made.</summary>
public sealed record DataImportCronTemplate
{
    public DataImportCronTemplateMeta? Metadata { get; init; }

    public required DataVolumeSpec Spec { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record DataImportCronTemplateMeta
{
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record DataImportCronStatus
{
    public IReadOnlyList<CronImport>? CurrentImports { get; init; }

    public DateTimeOffset? LastExecutionTimestamp { get; init; }

    public DateTimeOffset? LastImportTimestamp { get; init; }

    public SourceObject? LastImportedPVC { get; init; }

    /// <summary>Always <c>pvc</c>.</summary>
    public string? SourceFormat { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>With CDI's capital letters.</summary>
public sealed record CronImport(
    [property: JsonPropertyName("DataVolumeName")] string DataVolumeName,
    [property: JsonPropertyName("Digest")] string Digest);
