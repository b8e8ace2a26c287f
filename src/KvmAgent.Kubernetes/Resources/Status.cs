using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Kubernetes.Resources;

/// <summary>metav1.Status: how the API says that a request failed (and, for some, that it went well).</summary>
public sealed record Status
{
    public const string Failure = "Failure", Success = "Success";

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    /// <summary>For a list that is gone (410), the <c>continue</c> with which it can go on, inconsistently.</summary>
    public ListMeta? Metadata { get; init; }

    [JsonPropertyName("status")]
    public string? Outcome { get; init; }

    public string? Message { get; init; }

    /// <summary>One word for programs: <c>NotFound</c>, <c>Conflict</c>, <c>AlreadyExists</c>, <c>Expired</c> and so on.</summary>
    public string? Reason { get; init; }

    public StatusDetails? Details { get; init; }

    /// <summary>The HTTP status.</summary>
    public int? Code { get; init; }
}

/// <summary>metav1.StatusDetails: what the failure is about.</summary>
public sealed record StatusDetails
{
    public string? Name { get; init; }

    public string? Group { get; init; }

    public string? Kind { get; init; }

    public string? Uid { get; init; }

    public IReadOnlyList<StatusCause>? Causes { get; init; }

    /// <summary>Do not try again before.</summary>
    public int? RetryAfterSeconds { get; init; }
}

/// <summary>metav1.StatusCause: one of several reasons.</summary>
public sealed record StatusCause
{
    public string? Reason { get; init; }

    public string? Message { get; init; }

    /// <summary>Dotted path of the field that it is about.</summary>
    public string? Field { get; init; }
}

/// <summary>metav1.ListMeta.</summary>
public sealed record ListMeta
{
    public string? ResourceVersion { get; init; }

    /// <summary>The next page's token; null on the last page.</summary>
    public string? Continue { get; init; }

    public long? RemainingItemCount { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
