using System.Threading.Channels;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Settings;
using KvmAgent.Status;

namespace KvmAgent.Link;

/// <summary>
/// What the agent tells over one link: hello; each transition that the coordinator does not know, in order, until it acknowledges it; and
/// the status on each change and as a heartbeat. Where the answer to the hello is a token of the VM's own, that is kept and confirmed, and
/// nothing is told: the next link is by that token. One request is under way at a time, so that what changes meanwhile is told once, as it is then.
/// </summary>
internal sealed class LinkReports(VmSettings settings, Enrolment enrolment, Journal journal, StatusBoard board, UsageReader usage, TimeProvider time)
{
    private const int LongestHeartbeat = 300, LongestReason = 4096, FewItems = 32;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly string Version = typeof(LinkReports).Assembly.GetName().Version?.ToString(3) ?? "0";

    private readonly Lock _gate = new();
    private TaskCompletionSource? _finishing;
    private bool _linked;
    private long _told;

    /// <param name="peer">The link.</param>
    /// <param name="linked">Called once the coordinator has answered the hello.</param>
    /// <returns>When the VM has enrolled, so that the link is to be dialled again.</returns>
    /// <exception cref="IOException">The link broke, or the coordinator does not take what it is told.</exception>
    public async Task RunAsync(JsonRpcPeer peer, Action linked, CancellationToken cancel)
    {
        var wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Wake(VmStatus status) => wake.Writer.TryWrite(true);
        board.Changed += Wake;
        try
        {
            var welcome = await HelloAsync(peer, cancel).ConfigureAwait(false);
            if (welcome.Token is { } token)
            {
                enrolment.Keep(token);
                // It ends with the link, not before: the other end closes as soon as it has answered.
                await peer.CallAsync(LinkMethods.Enrolled, LinkAck.Done, LinkJson.Default.LinkAck, LinkJson.Default.LinkAck, Limit, CancellationToken.None).ConfigureAwait(false);
                return;
            }

            linked();
            lock (_gate)
            {
                (_linked, _told) = (true, 0);
            }

            var heartbeat = TimeSpan.FromSeconds(Math.Clamp(welcome.HeartbeatSeconds, 1, LongestHeartbeat));
            var known = welcome.Acknowledged;
            var change = wake.Reader.WaitToReadAsync(cancel).AsTask();
            while (true)
            {
                known = await TellTransitionsAsync(peer, known, cancel).ConfigureAwait(false);
                await TellStatusAsync(peer, cancel).ConfigureAwait(false);
                if (await CompletesWithinAsync(change, heartbeat, cancel).ConfigureAwait(false))
                {
                    wake.Reader.TryRead(out _);
                    change = wake.Reader.WaitToReadAsync(cancel).AsTask();
                }
            }
        }
        catch (Exception e) when (e is JsonRpcException or TimeoutException or ArgumentException)
        {
            throw new IOException($"the coordinator does not take what it is told: {e.Message}", e);
        }
        finally
        {
            board.Changed -= Wake;
            lock (_gate)
            {
                _linked = false;
                _finishing?.TrySetResult();
            }
        }
    }

    /// <summary>Completes when the status as it is now was acknowledged; at once where there is no link.</summary>
    public Task FinishAsync()
    {
        lock (_gate)
        {
            if (!_linked || _told >= journal.Latest.Sequence)
            {
                return Task.CompletedTask;
            }

            _finishing ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _finishing.Task;
        }
    }

    private Task<LinkWelcome> HelloAsync(JsonRpcPeer peer, CancellationToken cancel) => peer.CallAsync(
        LinkMethods.Hello,
        new LinkHello(
            LinkProtocol.Version,
            Version,
            new LinkPod(settings.Link.PodName, enrolment.Namespace, settings.Link.PodUid),
            settings.Name,
            journal.Start,
            LinkCommands.Methods,
            StreamTargets.KindsOf(settings),
            Enrols: true),
        LinkJson.Default.LinkHello,
        LinkJson.Default.LinkWelcome,
        Limit,
        cancel);

    private async Task<JournalPosition?> TellTransitionsAsync(JsonRpcPeer peer, JournalPosition? known, CancellationToken cancel)
    {
        while (known?.Start != journal.Start.Id || known.Sequence < journal.LastTransition)
        {
            var unknown = journal.After(known);
            if (unknown.Count == 0)
            {
                // It could not be written; the status says as much of it as is left.
                break;
            }

            foreach (var transition in unknown)
            {
                await peer.CallAsync(LinkMethods.Transition, transition with { Reason = Cut(transition.Reason) }, LinkJson.Default.TransitionReport, LinkJson.Default.LinkAck, Limit, cancel).ConfigureAwait(false);
                known = new JournalPosition(transition.Start.Id, transition.Sequence);
            }
        }

        return known;
    }

    private async Task TellStatusAsync(JsonRpcPeer peer, CancellationToken cancel)
    {
        var (sequence, status) = journal.Latest;
        if (status is null)
        {
            return;
        }

        var report = new StatusReport(journal.Start, sequence, time.GetUtcNow(), Bounded(status), await usage.ReadAsync(cancel).ConfigureAwait(false));
        await peer.CallAsync(LinkMethods.Status, report, LinkJson.Default.StatusReport, LinkJson.Default.LinkAck, Limit, cancel).ConfigureAwait(false);
        lock (_gate)
        {
            _told = sequence;
            if (_told >= journal.Latest.Sequence)
            {
                _finishing?.TrySetResult();
            }
        }
    }

    private async Task<bool> CompletesWithinAsync(Task change, TimeSpan limit, CancellationToken cancel)
    {
        try
        {
            await change.WaitAsync(limit, time, cancel).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>A guest that says too much of itself shall not make its status too long for a message.</summary>
    private static VmStatus Bounded(VmStatus status) => status with
    {
        Reason = Cut(status.Reason),
        GuestAgent = status.GuestAgent is { } agent
            ? agent with { Interfaces = [.. agent.Interfaces.Take(FewItems).Select(static nic => nic with { Addresses = [.. nic.Addresses.Take(FewItems)] })] }
            : null,
    };

    private static string? Cut(string? reason) => reason is { Length: > LongestReason } ? reason[..LongestReason] : reason;
}
