namespace KvmAgent.Contracts.Rest;

/// <summary>An image that somebody has built, to be known again where it runs.</summary>
public sealed record BuildRequest
{
    /// <summary>Of the image, without a tag: <c>registry.example.com/web</c>. Its builds are counted.</summary>
    public required string Name { get; init; }

    /// <summary>Where it was built.</summary>
    public string? BuildHost { get; init; }

    /// <summary>Of what has built it, in that system's own words.</summary>
    public string? ActionId { get; init; }

    /// <summary>As registries have it: <c>registry.example.com/web@sha256:…</c>.</summary>
    public IReadOnlyList<string>? RepoDigests { get; init; }

    /// <summary>Of the image's configuration: <c>sha256:…</c>.</summary>
    public string? ImageId { get; init; }
}

/// <summary>A build as it is kept.</summary>
public sealed record BuildSummary
{
    public required long Id { get; init; }

    public required string Name { get; init; }

    /// <summary>From 1 on, for each name.</summary>
    public required int Revision { get; init; }

    public string? BuildHost { get; init; }

    public string? ActionId { get; init; }

    public IReadOnlyList<string> RepoDigests { get; init; } = [];

    public string? ImageId { get; init; }

    /// <summary>When it was registered.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <param name="Builds">By name, the newest first.</param>
public sealed record BuildList(IReadOnlyList<BuildSummary> Builds, int Total, DateTimeOffset Timestamp);

/// <summary>How what runs of an image stands to its builds, as Uyuni counts it.</summary>
public static class RuntimeStatuses
{
    public const int NoInstance = 0, UpToDate = 1, Unknown = 2, OutOfDate = 3;

    /// <summary>In a word.</summary>
    public static string Name(int status) => status switch
    {
        NoInstance => "none running",
        UpToDate => "consistent",
        OutOfDate => "outdated",
        _ => "unknown",
    };
}

/// <summary>A container that runs an image.</summary>
public sealed record RunningContainer
{
    /// <summary>The pod's.</summary>
    public required string Namespace { get; init; }

    public required string Pod { get; init; }

    public required string Container { get; init; }

    public string? Node { get; init; }

    /// <summary>As the pod asks for it.</summary>
    public string? Image { get; init; }

    /// <summary>As its runtime tells it.</summary>
    public string? ImageId { get; init; }

    /// <summary>Of the build that it runs; null: it is none that is known.</summary>
    public int? Revision { get; init; }
}

/// <summary>What runs of an image.</summary>
public sealed record ImageUse
{
    /// <summary>The builds'.</summary>
    public required string Name { get; init; }

    /// <summary>The newest build's.</summary>
    public required int Revision { get; init; }

    /// <summary>One of <see cref="RuntimeStatuses"/>.</summary>
    public required int RuntimeStatus { get; init; }

    public required string Status { get; init; }

    public IReadOnlyList<RunningContainer> Pods { get; init; } = [];
}

/// <param name="Images">By name.</param>
public sealed record ImageUseList(IReadOnlyList<ImageUse> Images, int Total, DateTimeOffset Timestamp);
