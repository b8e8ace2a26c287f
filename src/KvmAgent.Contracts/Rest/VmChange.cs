namespace KvmAgent.Contracts.Rest;

/// <summary>What became of a machine, as <c>GET /kubevirt/vms/watch</c> tells it: the data of an event whose name is <see cref="EventName"/>.</summary>
/// <param name="Type"><see cref="Set"/> or <see cref="Removed"/>.</param>
/// <param name="Vm">As it is now; of one that is gone as it was.</param>
public sealed record VmChange(string Type, VmSummary Vm)
{
    public const string EventName = "vm", Set = "set", Removed = "removed";

    /// <summary>The first event: what changes from now on is told; ask for the list now.</summary>
    public const string OpenEventName = "open";
}

/// <summary>How a stream of a machine's ends that could not be, or not be had any more: WebSocket close codes.</summary>
public static class StreamCloses
{
    /// <summary>An HTTP status that says why is added to it: 4409 is a conflict. The reason has the words.</summary>
    public const int Refused = 4000;
}
