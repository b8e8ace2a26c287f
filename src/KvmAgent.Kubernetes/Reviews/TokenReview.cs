namespace KvmAgent.Kubernetes;

/// <summary>authentication.k8s.io/v1 TokenReview, as it is sent and as it comes back.</summary>
internal sealed record TokenReview
{
    public string ApiVersion { get; init; } = "authentication.k8s.io/v1";

    public string Kind { get; init; } = nameof(TokenReview);

    public TokenReviewSpec? Spec { get; init; }

    public TokenReviewStatus? Status { get; init; }
}

internal sealed record TokenReviewSpec
{
    public string? Token { get; init; }

    public IReadOnlyList<string>? Audiences { get; init; }
}

/// <summary>Whose a token is.</summary>
public sealed record TokenReviewStatus
{
    public bool Authenticated { get; init; }

    public ReviewedUser? User { get; init; }

    /// <summary>Those asked for that the token is meant for.</summary>
    public IReadOnlyList<string>? Audiences { get; init; }

    /// <summary>Why it is nobody's.</summary>
    public string? Error { get; init; }
}

/// <summary>authentication.k8s.io/v1 UserInfo.</summary>
public sealed record ReviewedUser
{
    public string? Username { get; init; }

    public string? Uid { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Of a pod's token: <c>authentication.kubernetes.io/pod-name</c>, <c>…/pod-uid</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Extra { get; init; }
}
