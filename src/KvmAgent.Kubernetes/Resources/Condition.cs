using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>One line of <c>status.conditions</c>.</summary>
public sealed record Condition
{
    public const string True = "True", False = "False", Undecided = "Unknown";

    public required string Type { get; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public required string Status { get; init; }

    /// <summary>One word for programs.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for people.</summary>
    public string? Message { get; init; }

    public DateTimeOffset? LastTransitionTime { get; init; }

    public DateTimeOffset? LastProbeTime { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
