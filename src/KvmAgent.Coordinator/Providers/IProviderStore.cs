namespace KvmAgent.Coordinator.Providers;

/// <param name="Kept">Null where it cannot be read.</param>
/// <param name="Problem">Why it cannot.</param>
/// <param name="Version">Another with each change.</param>
internal sealed record StoredProvider(string Name, KeptProvider? Kept, string? Problem, string Version, DateTimeOffset? AddedAt);

/// <summary>Where other clusters are kept: in Secrets of the own one, or alone in the database.</summary>
internal interface IProviderStore
{
    /// <summary>Something in it has changed, perhaps by another replica.</summary>
    event Action? Changed;

    /// <summary>Done when all of them are known.</summary>
    Task Synced { get; }

    /// <summary>All that are known, by name.</summary>
    IReadOnlyList<StoredProvider> List();

    /// <summary>When it returns, <see cref="List"/> has it.</summary>
    /// <exception cref="CoordinatorException">There is one of the name.</exception>
    Task AddAsync(KeptProvider provider, CancellationToken cancel);

    /// <param name="version">Of what it replaces.</param>
    /// <exception cref="CoordinatorException">It has been changed or removed since.</exception>
    Task ReplaceAsync(KeptProvider provider, string version, CancellationToken cancel);

    /// <summary>When it returns, <see cref="List"/> does not have it any more.</summary>
    /// <exception cref="CoordinatorException">There is none.</exception>
    Task RemoveAsync(string name, CancellationToken cancel);

    /// <summary>Until it is stopped.</summary>
    Task RunAsync(CancellationToken stop);
}

/// <summary>What both say alike.</summary>
internal static class ProviderFailures
{
    public static CoordinatorException IsThere(string name) => new(FailureReason.Conflict, $"provider \"{name}\" is there already; edit it, or give another name");

    public static CoordinatorException NotFound(string? name) => new(FailureReason.NotFound, $"provider \"{name}\" not found; the list of providers has those that there are");

    public static CoordinatorException ChangedMeanwhile(string name) => new(FailureReason.Conflict, $"provider \"{name}\" has been changed or removed meanwhile; look at it and try again");
}
