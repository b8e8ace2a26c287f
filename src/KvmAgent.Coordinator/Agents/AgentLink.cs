using System.Text.Json.Serialization.Metadata;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines;

namespace KvmAgent.Coordinator.Agents;

/// <summary>
/// An agent that is linked: what is known of it, and what can be asked of it. Commands fail with <see cref="JsonRpcException"/> where the
/// agent refuses (its code says why), with <see cref="TimeoutException"/> where it does not answer, with <see cref="IOException"/> where the link ends.
/// </summary>
internal sealed class AgentLink(AgentIdentity identity, AgentAbilities abilities, JsonRpcPeer peer, AgentStreams streams, TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15), SlowLimit = TimeSpan.FromSeconds(45);

    /// <summary>Of the status that everybody here has taken; null before.</summary>
    private long? _sequence;
    private long _lastSeen = time.GetUtcNow().UtcTicks;

    public AgentIdentity Identity { get; } = identity;

    /// <summary>Null before the agent first told it.</summary>
    public VmStatus? Status { get; private set; }

    public VmUsage? Usage { get; private set; }

    public DateTimeOffset LastSeen => new(Volatile.Read(ref _lastSeen), TimeSpan.Zero);

    /// <summary>How many of its messages made no sense.</summary>
    public int Faults => peer.Faults;

    public Task PauseAsync(CancellationToken cancel) => DoAsync(LinkMethods.Pause, cancel);

    public Task UnpauseAsync(CancellationToken cancel) => DoAsync(LinkMethods.Unpause, cancel);

    /// <param name="grace">How long the guest may take; null: as the agent's settings say.</param>
    public Task ShutdownAsync(TimeSpan? grace, CancellationToken cancel) => DoAsync(
        LinkMethods.Shutdown, new ShutdownRequest(grace is { } given ? (int)Math.Ceiling(given.TotalSeconds) : null), LinkJson.Default.ShutdownRequest, cancel);

    public Task ResetAsync(CancellationToken cancel) => DoAsync(LinkMethods.Reset, cancel);

    public Task SoftRebootAsync(CancellationToken cancel) => DoAsync(LinkMethods.SoftReboot, cancel);

    public Task<GuestInfo> GuestInfoAsync(CancellationToken cancel) =>
        AskAsync(LinkMethods.GuestInfo, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.GuestInfo, SlowLimit, cancel);

    public Task<IReadOnlyList<GuestUser>> UserListAsync(CancellationToken cancel) =>
        AskAsync(LinkMethods.UserList, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.GuestUsers, Limit, cancel);

    public Task<IReadOnlyList<GuestFilesystem>> FilesystemListAsync(CancellationToken cancel) =>
        AskAsync(LinkMethods.FilesystemList, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.GuestFilesystems, Limit, cancel);

    /// <summary>As it is now; of an older agent, which can only be listened to, as the last heartbeat had it. Null before that.</summary>
    public async Task<VmUsage?> UsageAsync(CancellationToken cancel) => abilities.Methods.Contains(LinkMethods.Usage)
        ? await AskAsync(LinkMethods.Usage, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.VmUsage, Limit, cancel).ConfigureAwait(false)
        : Usage;

    /// <param name="deadline">When the agent thaws by itself, in whole seconds.</param>
    public Task FreezeAsync(TimeSpan deadline, CancellationToken cancel) => AskAsync(
        LinkMethods.Freeze, new FreezeRequest((int)deadline.TotalSeconds), LinkJson.Default.FreezeRequest, LinkJson.Default.LinkAck, SlowLimit, cancel);

    public Task UnfreezeAsync(CancellationToken cancel) =>
        AskAsync(LinkMethods.Unfreeze, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.LinkAck, SlowLimit, cancel);

    /// <returns>A PNG.</returns>
    public async Task<byte[]> ScreenshotAsync(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(SlowLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var stream = await OpenStreamAsync(new StreamRequest(StreamKinds.Screenshot), either.Token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            return await stream.ReadToEndAsync(LinkProtocol.LongestScreenshot, either.Token).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the agent for a stream and waits until it has dialled it.</summary>
    public async Task<AgentStream> OpenStreamAsync(StreamRequest request, CancellationToken cancel)
    {
        if (!abilities.Streams.Contains(request.Kind))
        {
            throw new JsonRpcException(LinkErrors.NotSupported, $"the agent of {Identity}, version {abilities.Version}, has no {request.Kind}{(request.Kind == StreamKinds.Spice ? $": its VM was not started with VM_DISPLAY=spice, which the annotation {MachineLabels.Display} of a machine's template sets" : "")}");
        }

        using var expected = streams.Expect(Identity.PodUid);
        await DoAsync(
            LinkMethods.OpenStream,
            new OpenStreamRequest(expected.Id, request.Kind, request.Port, request.Protocol, request.Preserve, request.Session),
            LinkJson.Default.OpenStreamRequest,
            cancel).ConfigureAwait(false);
        return await expected.DialledAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>Ends the link; the agent dials again.</summary>
    public Task CloseAsync(string why) => peer.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.PolicyViolation, why);

    public void Seen() => Volatile.Write(ref _lastSeen, time.GetUtcNow().UtcTicks);

    /// <summary>Of a heartbeat only the usage is new, and most reports are heartbeats.</summary>
    /// <returns>False where the report is news, to be read whole.</returns>
    public bool IsKnown(Heartbeat heartbeat)
    {
        if (heartbeat.Sequence != _sequence)
        {
            return false;
        }

        Usage = heartbeat.Usage;
        return true;
    }

    public void Take(StatusReport report) => (Status, Usage) = (Slim(report.Status), report.Usage);

    /// <summary>Until then the same report is news again: whoever failed to take it is told once more.</summary>
    public void Acknowledge(long sequence) => _sequence = sequence;

    private static VmStatus Slim(VmStatus status) => status with
    {
        Namespace = RepeatedTexts.Of(status.Namespace),
        Reason = RepeatedTexts.Of(status.Reason),
        Machine = status.Machine is { } machine ? machine with
        {
            Accelerator = RepeatedTexts.Of(machine.Accelerator),
            AcceleratorReason = RepeatedTexts.Of(machine.AcceleratorReason),
            QemuVersion = RepeatedTexts.Of(machine.QemuVersion),
        } : null,
        Network = status.Network is { } network ? network with { GuestIp = RepeatedTexts.Of(network.GuestIp) } : null,
    };

    private Task<LinkAck> DoAsync(string method, CancellationToken cancel) => DoAsync(method, LinkAck.Done, LinkJson.Default.LinkAck, cancel);

    private Task<LinkAck> DoAsync<T>(string method, T parameters, JsonTypeInfo<T> type, CancellationToken cancel) =>
        AskAsync(method, parameters, type, LinkJson.Default.LinkAck, Limit, cancel);

    private Task<TResult> AskAsync<T, TResult>(
        string method, T parameters, JsonTypeInfo<T> type, JsonTypeInfo<TResult> resultType, TimeSpan limit, CancellationToken cancel) =>
        abilities.Methods.Contains(method)
            ? peer.CallAsync(method, parameters, type, resultType, limit, cancel)
            : throw new JsonRpcException(LinkErrors.NotSupported, $"the agent of {Identity}, version {abilities.Version}, does not know {method}");
}

/// <summary>What a stream shall lead to; see <see cref="OpenStreamRequest"/>.</summary>
internal sealed record StreamRequest(string Kind, int? Port = null, string? Protocol = null, bool Preserve = false, string? Session = null);

/// <summary>What an agent can, as its hello says.</summary>
/// <param name="Version">The program's.</param>
/// <param name="Methods">That it answers.</param>
/// <param name="Streams">The kinds that it opens.</param>
internal sealed record AgentAbilities(string Version, IReadOnlyList<string> Methods, IReadOnlyList<string> Streams);
