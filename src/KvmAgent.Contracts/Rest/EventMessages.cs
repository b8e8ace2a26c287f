namespace KvmAgent.Contracts.Rest;

/// <summary>What happened to a machine, as its cluster tells it.</summary>
public sealed record VmEvent
{
    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public required string Type { get; init; }

    /// <summary>One word for programs: <c>SuccessfulCreate</c>.</summary>
    public required string Reason { get; init; }

    public required string Message { get; init; }

    /// <summary>To what: <c>VirtualMachine/web</c>, <c>VirtualMachineInstance/web</c> or <c>Pod/virt-launcher-web-x2x5k</c>.</summary>
    public required string Object { get; init; }

    /// <summary>How often.</summary>
    public int Count { get; init; }

    public DateTimeOffset? FirstSeen { get; init; }

    public DateTimeOffset? LastSeen { get; init; }
}

/// <param name="Events">The newest last; 200 at most.</param>
/// <param name="Total">How many the cluster has.</param>
public sealed record VmEventList(IReadOnlyList<VmEvent> Events, int Total, DateTimeOffset Timestamp);
