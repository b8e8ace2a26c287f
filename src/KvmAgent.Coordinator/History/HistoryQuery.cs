using KvmAgent.Coordinator.Store;

namespace KvmAgent.Coordinator.History;

/// <summary>Which events are asked for.</summary>
/// <param name="Limit">How many at most.</param>
internal sealed record HistoryQuery(int Limit)
{
    /// <summary>Null: of all namespaces.</summary>
    public string? Namespace { get; init; }

    /// <summary>Of a machine.</summary>
    public string? Name { get; init; }

    public string? Type { get; init; }

    /// <summary>That happened then or later.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>That happened before.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Those behind it, the oldest first; null: the newest.</summary>
    public long? After { get; init; }

    /// <returns>As SQL, with its WHERE; empty where all are asked for.</returns>
    public (string Sql, IReadOnlyList<(string Name, object? Value)> Parameters) Condition()
    {
        (string Sql, string Name, object? Value)[] all =
        [
            ("id > @after", "@after", After),
            ("namespace = @namespace", "@namespace", Namespace),
            ("name = @name", "@name", Name),
            ("type = @type", "@type", Type),
            ("at >= @since", "@since", Since is { } since ? RecordTime.Kept(since) : null),
            ("at < @until", "@until", Until is { } until ? RecordTime.Kept(until) : null),
        ];
        var given = all.Where(static c => c.Value is not null).ToList();
        return (given.Count == 0 ? "" : $" WHERE {string.Join(" AND ", given.Select(static c => c.Sql))}", [.. given.Select(static c => (c.Name, c.Value))]);
    }
}
