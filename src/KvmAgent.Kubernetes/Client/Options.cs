namespace KvmAgent.Kubernetes;

public sealed record KubernetesClientOptions
{
    /// <summary>From the question to the last byte of the answer; of a watch, to its first.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whom the server names as the author of fields; null: the first word of <see cref="UserAgent"/>.</summary>
    public string? FieldManager { get; init; }

    public string UserAgent { get; init; } = "kvm-agent";

    /// <summary>Makes each connection, to the server or to the proxy; null: the runtime does, to whatever address the name has.</summary>
    public Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>>? Connect { get; init; }
}

public sealed record ListOptions
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    public int? Limit { get; init; }

    /// <summary>The page after the one that told it.</summary>
    public string? Continue { get; init; }

    /// <summary>"0": whatever the server has at hand, which may be old. Null: the newest.</summary>
    public string? ResourceVersion { get; init; }
}

public sealed record WatchOptions
{
    /// <summary>Behind this one; null begins with everything that is there, as Added.</summary>
    public string? ResourceVersion { get; init; }

    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>The server tells from time to time how far it is.</summary>
    public bool AllowBookmarks { get; init; }

    /// <summary>The server ends it then; where it does not, we do, half a minute later.</summary>
    public int? TimeoutSeconds { get; init; }
}

public sealed record ApplyOptions
{
    /// <summary>Who owns the fields that are applied.</summary>
    public required string FieldManager { get; init; }

    /// <summary>Takes fields over that others own, instead of failing with a conflict.</summary>
    public bool Force { get; init; }

    public string? Subresource { get; init; }
}

public enum Propagation
{
    /// <summary>The object at once, what it owns later.</summary>
    Background,

    /// <summary>What it owns first.</summary>
    Foreground,

    /// <summary>What it owns stays.</summary>
    Orphan,
}

public sealed record DeleteOptions
{
    /// <summary>Only if it is still this one.</summary>
    public string? Uid { get; init; }

    /// <summary>Only if it has not changed since.</summary>
    public string? ResourceVersion { get; init; }

    public Propagation? Propagation { get; init; }

    public long? GracePeriodSeconds { get; init; }
}
