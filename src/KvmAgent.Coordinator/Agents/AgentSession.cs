using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Contracts.Link;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Agents;

/// <summary>
/// One link from its opening to its end. First comes the hello, whose pod must be the token's; then reports. The token is looked at again
/// while it is in use, and the link ends with it: the agent dials again with the one that the kubelet has put there meanwhile.
/// </summary>
internal sealed partial class AgentSession : IDisposable
{
    private const int MissedHeartbeats = 3;
    private static readonly TimeSpan HelloLimit = TimeSpan.FromSeconds(10), ReviewLimit = TimeSpan.FromSeconds(10), ReviewAgain = TimeSpan.FromSeconds(30);
    private static readonly JsonElement Done = JsonSerializer.SerializeToElement(LinkAck.Done, LinkJson.Default.LinkAck);

    private readonly AgentIdentity _identity;
    private readonly AgentServices _services;
    private readonly byte[] _token;
    private readonly JsonRpcPeer _peer;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationToken _ended;

    private readonly DateTimeOffset _helloBy;
    private DateTimeOffset _expires, _reviewAt;
    private Task _look = Task.CompletedTask;
    private AgentLink? _link;

    private AgentSession(WebSocket socket, AgentIdentity identity, DateTimeOffset expires, byte[] token, AgentServices services)
    {
        (_identity, _expires, _token, _services, _log, _ended) = (identity, expires, token, services, services.Log, _end.Token);
        var rate = new MessageRate(services.Options.MessagesPerSecond, services.Time);
        _peer = new JsonRpcPeer(socket, AnswerAsync, inOrder: true, services.Time) { Pace = rate.WaitAsync };
        (_helloBy, _reviewAt) = (Time.GetUtcNow() + HelloLimit, Time.GetUtcNow() + services.Options.ReviewEvery);
    }

    private TimeProvider Time => _services.Time;

    /// <param name="token">In UTF-8, half of what it is as a text: a kilobyte that each link holds.</param>
    public static async Task RunAsync(
        WebSocket socket, AgentIdentity identity, DateTimeOffset expires, byte[] token, AgentServices services, CancellationToken cancel)
    {
        using var session = new AgentSession(socket, identity, expires, token, services);
        services.Rounds.Add(session);
        try
        {
            session.LogEnded(identity, await session._peer.RunAsync(cancel).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The coordinator ends.
        }
        finally
        {
            await session.EndAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _peer.Dispose();
        _end.Dispose();
    }

    private async Task EndAsync()
    {
        if (_link is { } link)
        {
            _services.Registry.Remove(link);
        }

        _services.Rounds.Remove(this);
        await _end.CancelAsync().ConfigureAwait(false);
        await _look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Task<JsonElement> AnswerAsync(string method, JsonElement parameters, CancellationToken cancel)
    {
        try
        {
            _link?.Seen();
            return Task.FromResult(method switch
            {
                LinkMethods.Hello => Hello(Read(parameters, LinkJson.Default.LinkHello)),
                LinkMethods.Status when _link is { } link => Status(link, parameters),
                LinkMethods.Transition when _link is not null => Transition(Read(parameters, LinkJson.Default.TransitionReport)),
                LinkMethods.Status or LinkMethods.Transition => throw new JsonRpcException(LinkErrors.InvalidRequest, "say hello first"),
                _ => throw new JsonRpcException(LinkErrors.MethodNotFound, "this coordinator does not know that method"),
            });
        }
        catch (Exception e) when (e is not (JsonRpcException or JsonException))
        {
            LogFault(e, _identity, method);
            throw;
        }
    }

    private JsonElement Hello(LinkHello hello)
    {
        var why = _link is not null ? "hello was said already"
            : _services.Options.TokensArePods && hello.Pod.Uid != _identity.PodUid ? $"the token is that of the pod with the UID {_identity.PodUid}, and not of the agent's; set POD_UID from metadata.uid"
            : hello.Protocol < 1 ? $"there is no protocol {hello.Protocol}"
            : null;
        if (why is not null)
        {
            LogRefused(_identity, why);
            _ = _peer.CloseAsync(WebSocketCloseStatus.PolicyViolation, why);
            throw new JsonRpcException(LinkErrors.InvalidRequest, why);
        }

        _link = new AgentLink(_identity, _services.AbilitiesOf(hello), _peer, _services.Streams, Time);
        if (_services.Registry.Add(_link) is { } older)
        {
            _ = older.CloseAsync("a newer link of the same pod replaces this one");
        }

        LogLinked(_identity, hello.Version);
        return JsonSerializer.SerializeToElement(
            new LinkWelcome(
                Math.Min(hello.Protocol, LinkProtocol.Version),
                Math.Max(1, (int)_services.Options.Heartbeat.TotalSeconds),
                _services.Registry.Acknowledged(_identity.PodUid)),
            LinkJson.Default.LinkWelcome);
    }

    private JsonElement Status(AgentLink link, JsonElement parameters)
    {
        if (link.IsKnown(Read(parameters, LinkJson.Default.Heartbeat)))
        {
            return Done;
        }

        var report = Read(parameters, LinkJson.Default.StatusReport);
        link.Take(report);
        _services.Registry.Report(new AgentReport(_identity, report.Start, report.Sequence, report.Time) { Status = report.Status, Usage = report.Usage });
        link.Acknowledge(report.Sequence);
        return Done;
    }

    private JsonElement Transition(TransitionReport report)
    {
        _services.Registry.Report(new AgentReport(_identity, report.Start, report.Sequence, report.Time) { Transition = report });
        return Done;
    }

    /// <summary>What is due is begun: a review takes as long as it takes.</summary>
    public void Look(DateTimeOffset now)
    {
        var heard = _link is { } link ? link.LastSeen + (_services.Options.Heartbeat * MissedHeartbeats) : _helloBy;
        if (_look.IsCompleted && (now >= heard || now >= _reviewAt || now >= _expires))
        {
            _look = now >= heard ? CloseAsync(_link is null ? "no hello came" : "nothing was heard for three heartbeats") : ReviewAsync();
        }
    }

    private Task CloseAsync(string why) => _peer.CloseAsync(WebSocketCloseStatus.PolicyViolation, why);

    private async Task ReviewAsync()
    {
        if (await WithdrawnAsync().ConfigureAwait(false) is { } why)
        {
            await CloseAsync(why).ConfigureAwait(false);
        }
    }

    /// <returns>Why the link ends.</returns>
    private async Task<string?> WithdrawnAsync()
    {
        if (Time.GetUtcNow() >= _expires)
        {
            return "the token has expired; dial again with the one that is in the file now";
        }

        var (refused, failed) = await ReviewOnceAsync().ConfigureAwait(false);
        if (refused is not null)
        {
            LogRefused(_identity, refused);
        }

        _reviewAt = Time.GetUtcNow() + (failed ? ReviewAgain : _services.Options.ReviewEvery);
        return refused;
    }

    private async Task<(string? Refused, bool Failed)> ReviewOnceAsync()
    {
        try
        {
            var admission = await _services.Admit(Encoding.UTF8.GetString(_token), _ended).WaitAsync(ReviewLimit, Time, _ended).ConfigureAwait(false);
            if (admission.Identity is not { } identity || identity.PodUid != _identity.PodUid)
            {
                return (admission.Identity is null ? admission.Reason : "the token is another pod's now", false);
            }

            _expires = admission.Expires;
            return (null, false);
        }
        catch (Exception e) when (!_ended.IsCancellationRequested)
        {
            // Who reviews is away: the token was good, and is until it expires.
            LogNoReview(_identity, e.Message);
            return (null, true);
        }
    }

    private static T Read<T>(JsonElement parameters, JsonTypeInfo<T> type)
        where T : class => parameters.Deserialize(type) ?? throw new JsonException("there are no parameters");

    [LoggerMessage(Level = LogLevel.Information, Message = "the agent of {Agent}, version {Version}, is linked")]
    private partial void LogLinked(AgentIdentity agent, string version);

    [LoggerMessage(Level = LogLevel.Information, Message = "the link of {Agent} ended: {Why}")]
    private partial void LogEnded(AgentIdentity agent, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the agent of {Agent} is refused: {Why}")]
    private partial void LogRefused(AgentIdentity agent, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the token of {Agent} cannot be reviewed now: {Error}")]
    private partial void LogNoReview(AgentIdentity agent, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "what the agent of {Agent} told by {Method} was not taken; it will tell it again")]
    private partial void LogFault(Exception fault, AgentIdentity agent, string method);
}
