namespace KvmAgent.Kubernetes;

public enum WatchEventType
{
    Added,
    Modified,

    /// <summary>With the object's last state.</summary>
    Deleted,

    /// <summary>No object: only how far the watch is.</summary>
    Bookmark,
}

/// <param name="Object">Null for a bookmark alone.</param>
/// <param name="ResourceVersion">A watch can go on behind it.</param>
public sealed record WatchEvent<T>(WatchEventType Type, T? Object, string? ResourceVersion)
    where T : class;
