namespace KvmAgent.Kubernetes;

public enum InformerEventKind
{
    Added,
    Modified,
    Deleted,
}

/// <param name="Object">As it is now; for a deletion as it was last.</param>
/// <param name="Old">As the cache had it before; null for Added.</param>
public sealed record InformerEvent<T>(InformerEventKind Kind, T Object, T? Old)
    where T : class;

public sealed record InformerOptions<T>
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>Takes away what nobody here reads, to save memory. Must leave name, namespace, uid and resourceVersion.</summary>
    public Func<T, T>? Transform { get; init; }
}
