namespace KvmAgent.Kubernetes;

/// <summary>authorization.k8s.io/v1 SubjectAccessReview, as it is sent and as it comes back.</summary>
internal sealed record SubjectAccessReview
{
    public string ApiVersion { get; init; } = "authorization.k8s.io/v1";

    public string Kind { get; init; } = nameof(SubjectAccessReview);

    public SubjectAccessReviewSpec? Spec { get; init; }

    public SubjectAccessReviewStatus? Status { get; init; }
}

/// <summary>May this user do that? One of the two kinds of attributes says what.</summary>
public sealed record SubjectAccessReviewSpec
{
    public string? User { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    public string? Uid { get; init; }

    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Extra { get; init; }

    public ResourceAttributes? ResourceAttributes { get; init; }

    public NonResourceAttributes? NonResourceAttributes { get; init; }
}

public sealed record ResourceAttributes
{
    /// <summary>Empty: all namespaces, or of no namespace.</summary>
    public string? Namespace { get; init; }

    public string? Verb { get; init; }

    public string? Group { get; init; }

    public string? Version { get; init; }

    public string? Resource { get; init; }

    public string? Subresource { get; init; }

    /// <summary>Empty: all.</summary>
    public string? Name { get; init; }
}

public sealed record NonResourceAttributes
{
    public string? Path { get; init; }

    public string? Verb { get; init; }
}

public sealed record SubjectAccessReviewStatus
{
    public bool Allowed { get; init; }

    /// <summary>Nobody else is to be asked; false with <see cref="Allowed"/> false: nobody allows it.</summary>
    public bool Denied { get; init; }

    public string? Reason { get; init; }

    /// <summary>What went wrong on the way; the answer holds all the same.</summary>
    public string? EvaluationError { get; init; }
}
