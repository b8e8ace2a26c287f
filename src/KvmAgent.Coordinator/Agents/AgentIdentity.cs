using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Agents;

/// <summary>Which pod an agent runs in, as its token proves it.</summary>
internal sealed record AgentIdentity(string Namespace, string PodName, string PodUid)
{
    public override string ToString() => $"{Namespace}/{PodName}";
}

/// <summary>What came of an agent's token.</summary>
/// <param name="Identity">Null: refused, unless there is <see cref="Enrol"/>.</param>
/// <param name="Expires">The token's end.</param>
/// <param name="Reason">Why it was refused, for the agent's log.</param>
/// <param name="Known">The token is good, but not for this.</param>
internal sealed record AgentAdmission(AgentIdentity? Identity, DateTimeOffset Expires, string Reason, bool Known)
{
    /// <summary>The token is nobody's own: whoever shows it may only ask for one by a link of this kind.</summary>
    public Func<System.Net.WebSockets.WebSocket, CancellationToken, Task>? Enrol { get; init; }

    public static AgentAdmission Admit(AgentIdentity identity, DateTimeOffset expires) => new(identity, expires, "", Known: true);

    public static AgentAdmission Refuse(string reason, bool known = false) => new(null, default, reason, known);
}

/// <summary>Reviews a token; it fails where that is not possible now.</summary>
internal delegate Task<AgentAdmission> AdmitAgent(string token, CancellationToken cancel);

/// <summary>Something new that an agent told: its status, or a transition.</summary>
internal sealed record AgentReport(AgentIdentity Agent, AgentStart Start, long Sequence, DateTimeOffset Time)
{
    public VmStatus? Status { get; init; }

    public VmUsage? Usage { get; init; }

    public TransitionReport? Transition { get; init; }
}

/// <summary>What the coordinator expects of links.</summary>
internal sealed record AgentLinkOptions
{
    /// <summary>How often an agent says how it is although nothing changed.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a token that is in use is looked at again, besides at its end.</summary>
    public TimeSpan ReviewEvery { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How long a stream that was asked for is waited for.</summary>
    public TimeSpan StreamLimit { get; init; } = LinkProtocol.StreamLimit;

    public int MostStreams { get; init; } = 32;

    /// <summary>Whether a token is a pod's. Otherwise it is a VM's, which may be in another pod or container each time.</summary>
    public bool TokensArePods { get; init; } = true;

    /// <summary>Messages a second that are read from one agent for long; a burst may be twice as much.</summary>
    public int MessagesPerSecond { get; init; } = 50;
}
