namespace KvmAgent.Contracts.Rest;

/// <summary>What happened to a machine, as the coordinator has written it down.</summary>
public sealed record HistoryEvent
{
    /// <summary>Counts up: what was written later has a greater one. There may be gaps.</summary>
    public required long Id { get; init; }

    /// <summary>One of <see cref="HistoryTypes"/>.</summary>
    public required string Type { get; init; }

    /// <summary>When it happened, or was noticed where nobody saw it happen.</summary>
    public required DateTimeOffset At { get; init; }

    public required string Namespace { get; init; }

    /// <summary>The machine's.</summary>
    public required string Name { get; init; }

    /// <summary>The machine's: one of the same name that is made later has another.</summary>
    public string? Uid { get; init; }

    /// <summary>KubeVirt's printableStatus from then on; null in events of the cluster.</summary>
    public string? Status { get; init; }

    /// <summary>One of <see cref="PowerStates"/>, likewise.</summary>
    public string? PowerState { get; init; }

    /// <summary>What <see cref="Status"/> was before, where that is known.</summary>
    public string? Former { get; init; }

    /// <summary>Of the cluster's Events: <c>Normal</c> or <c>Warning</c>.</summary>
    public string? Severity { get; init; }

    /// <summary>Likewise: one word for programs.</summary>
    public string? Reason { get; init; }

    /// <summary>Likewise: <c>VirtualMachine/web</c>, or the machine's instance or pod.</summary>
    public string? Object { get; init; }

    /// <summary>Likewise: how often, so far. When it happens again it is told anew, and what was told before is no longer kept.</summary>
    public int? Count { get; init; }

    /// <summary>For people.</summary>
    public string? Message { get; init; }

    /// <summary>Whether nobody saw it happen: it was found when a coordinator looked again.</summary>
    public bool Missed { get; init; }
}

public static class HistoryTypes
{
    public const string Created = "created", Deleted = "deleted", Changed = "changed";

    /// <summary>Its instance is another, and runs again: nobody saw it stop.</summary>
    public const string Restarted = "restarted";

    /// <summary>An Event of the cluster's.</summary>
    public const string Event = "event";

    public static readonly IReadOnlyList<string> All = [Created, Changed, Restarted, Deleted, Event];
}

/// <param name="Events">In the order in which they were written.</param>
/// <param name="Continue">The <c>after</c> of the next page; null where there is no more now.</param>
/// <param name="Last">The greatest id so far: a watch that begins behind it misses nothing that is not here.</param>
public sealed record HistoryList(IReadOnlyList<HistoryEvent> Events, long? Continue, long Last, DateTimeOffset Timestamp);

/// <summary>The names of the events of <c>GET /kubevirt/events/watch</c>; each that is kept has its id.</summary>
public static class HistoryStream
{
    /// <summary>The first: what is written from now on is told. Its data is a <see cref="HistoryPosition"/>.</summary>
    public const string Open = "open";

    /// <summary>Its data is a <see cref="HistoryEvent"/>.</summary>
    public const string Happened = "happened";

    /// <summary>What came between the last event that the client has and the next one is no longer kept. Its data is a <see cref="HistoryPosition"/>.</summary>
    public const string Gap = "gap";
}

/// <param name="After">All that is told has greater ids.</param>
public sealed record HistoryPosition(long After);
