using System.Text.Json.Serialization;

namespace KvmAgent.Contracts.Link;

/// <summary>Who the agent says it is; the coordinator believes its token.</summary>
public sealed record LinkPod(string Name, string Namespace, string Uid);

/// <summary>One life of the agent's process.</summary>
/// <param name="Id">Random; no two lives have the same.</param>
/// <param name="Time">When it began.</param>
public sealed record AgentStart(string Id, DateTimeOffset Time);

/// <summary>The agent's first request.</summary>
/// <param name="Protocol">The agent's <see cref="LinkProtocol.Version"/>.</param>
/// <param name="Version">The program's.</param>
/// <param name="Name">The VM's.</param>
/// <param name="Methods">That this agent answers.</param>
/// <param name="Streams">The kinds of stream that it opens.</param>
/// <param name="Enrols">Whether it keeps a <see cref="LinkWelcome.Token"/>; an agent from before that cannot link to a coordinator that gives one.</param>
public sealed record LinkHello(
    int Protocol,
    string Version,
    LinkPod Pod,
    string Name,
    AgentStart Start,
    IReadOnlyList<string> Methods,
    IReadOnlyList<string> Streams,
    bool Enrols = false);

/// <summary>The answer to it.</summary>
/// <param name="Protocol">The one to speak: the lower of both.</param>
/// <param name="HeartbeatSeconds">How often the agent sends its status although nothing changed.</param>
/// <param name="Acknowledged">The last transition of this pod that the coordinator has; null: none.</param>
/// <param name="Token">
/// The VM's own from now on, given to who came with the token that enrols: to be kept, confirmed by <see cref="LinkMethods.Enrolled"/>, and
/// shown on the next link. Nothing else is said on this one.
/// </param>
public sealed record LinkWelcome(int Protocol, int HeartbeatSeconds, JournalPosition? Acknowledged = null, string? Token = null);

/// <summary>A place in a VM's history.</summary>
/// <param name="Start">The id of the agent's life.</param>
/// <param name="Sequence">Of the status then; each change of it counts one up, from 1.</param>
public sealed record JournalPosition(string Start, long Sequence);

/// <summary>How the VM is: sent on each change, and as a heartbeat. Of several changes while one is under way the last is sent.</summary>
/// <param name="Time">When it was sent.</param>
public sealed record StatusReport(AgentStart Start, long Sequence, DateTimeOffset Time, VmStatus Status, VmUsage? Usage = null);

/// <summary>What of a <see cref="StatusReport"/> is read where its sequence is known.</summary>
public sealed record Heartbeat(long? Sequence, VmUsage? Usage = null);

/// <summary>The VM went into a phase. Each is sent, in order, until it is acknowledged; those of earlier lives of the agent too.</summary>
/// <param name="Time">When it did.</param>
/// <param name="ExitCode">The agent's, where this decided it.</param>
public sealed record TransitionReport(
    AgentStart Start, long Sequence, DateTimeOffset Time, VmPhase Phase, string? Reason = null, int? ExitCode = null);

/// <summary>What the VM has used since QEMU's start.</summary>
/// <param name="CpuSeconds">Of QEMU and its virtual CPUs, in user and system mode.</param>
/// <param name="ResidentBytes">Of QEMU with the guest's memory.</param>
public sealed record VmUsage(double CpuSeconds, long ResidentBytes, NetworkUsage Network, BlockUsage Block);

/// <summary>As the guest sees it: what it received and what it sent.</summary>
public sealed record NetworkUsage(long ReceivedBytes, long ReceivedPackets, long SentBytes, long SentPackets);

/// <summary>Of all disks together.</summary>
public sealed record BlockUsage(long ReadBytes, long ReadOperations, long WrittenBytes, long WriteOperations);

/// <summary>An acknowledgement: an empty object.</summary>
public sealed record LinkAck
{
    public static readonly LinkAck Done = new();
}

/// <param name="GracePeriodSeconds">How long the guest may take; null: as GRACE_PERIOD.</param>
public sealed record ShutdownRequest(int? GracePeriodSeconds = null);

/// <param name="DeadlineSeconds">When the agent itself thaws the guest's filesystems, whoever is still there.</param>
public sealed record FreezeRequest(int DeadlineSeconds);

/// <summary>The kinds of stream.</summary>
public static class StreamKinds
{
    /// <summary>The serial console, both ways: what was printed of late first.</summary>
    public const string Console = "console";

    /// <summary>RFB.</summary>
    public const string Vnc = "vnc";

    /// <summary>One of the channels of a SPICE client, which has several; of machines that have such a screen.</summary>
    public const string Spice = "spice";

    /// <summary>A connection to a port of the guest's; of UDP each frame is a datagram.</summary>
    public const string Port = "port";

    /// <summary>A PNG picture of the screen, to its end: too large for a message.</summary>
    public const string Screenshot = "screenshot";

    public const string Tcp = "tcp", Udp = "udp";
}

/// <summary>Asks the agent to dial a stream. The answer comes when the agent has its own end of it.</summary>
/// <param name="Id">128 random bits in hexadecimal; good once.</param>
/// <param name="Kind">One of <see cref="StreamKinds"/>.</param>
/// <param name="Port">Of the guest, for kind <c>port</c>.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>; null: tcp.</param>
/// <param name="Preserve">Of a console or a screen that a client has: it keeps it. Otherwise it is taken over.</param>
/// <param name="Session">The client's own name for what it is doing: streams of one session do not take over from one another. Null: this one is alone.</param>
public sealed record OpenStreamRequest(string Id, string Kind, int? Port = null, string? Protocol = null, bool Preserve = false, string? Session = null);

/// <summary>JSON-RPC's.</summary>
public sealed record LinkError(int Code, string Message);

/// <summary>
/// Serialisation of the link's messages. What a message's type demands must be there and not null, since nobody at the other end is
/// trusted; absent is therefore written as null, and what is added later must be optional.
/// </summary>
[JsonSerializable(typeof(LinkHello))]
[JsonSerializable(typeof(LinkWelcome))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(Heartbeat))]
[JsonSerializable(typeof(VmUsage))]
[JsonSerializable(typeof(TransitionReport))]
[JsonSerializable(typeof(LinkAck))]
[JsonSerializable(typeof(ShutdownRequest))]
[JsonSerializable(typeof(FreezeRequest))]
[JsonSerializable(typeof(OpenStreamRequest))]
[JsonSerializable(typeof(GuestInfo))]
[JsonSerializable(typeof(IReadOnlyList<GuestUser>), TypeInfoPropertyName = "GuestUsers")]
[JsonSerializable(typeof(IReadOnlyList<GuestFilesystem>), TypeInfoPropertyName = "GuestFilesystems")]
[JsonSerializable(typeof(LinkError))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
public sealed partial class LinkJson : JsonSerializerContext;
