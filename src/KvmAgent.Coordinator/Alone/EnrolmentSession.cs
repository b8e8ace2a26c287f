using System.Net.WebSockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Machines;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// A link by the token that enrols. It gives a VM whose name is free a token of its own, and is good for nothing else: no status, no
/// command, no stream. The name is taken when the agent confirms that it keeps the token, so that nothing is locked by a welcome that was lost.
/// </summary>
internal sealed partial class EnrolmentSession : IDisposable
{
    private const int MessagesPerSecond = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly AloneMachines _machines;
    private readonly ILogger _log;
    private readonly JsonRpcPeer _peer;
    private (MachineKey Key, byte[] TokenHash)? _offered;

    private EnrolmentSession(WebSocket socket, AloneMachines machines, TimeProvider time, ILogger log)
    {
        (_machines, _log) = (machines, log);
        _peer = new JsonRpcPeer(socket, AnswerAsync, inOrder: true, time) { Pace = new MessageRate(MessagesPerSecond, time).WaitAsync };
    }

    public static async Task RunAsync(WebSocket socket, AloneMachines machines, TimeProvider time, ILogger log, CancellationToken cancel)
    {
        using var session = new EnrolmentSession(socket, machines, time, log);
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            await session._peer.RunAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // It took too long, or the coordinator ends.
        }
    }

    public void Dispose() => _peer.Dispose();

    private Task<JsonElement> AnswerAsync(string method, JsonElement parameters, CancellationToken cancel) => Task.FromResult(method switch
    {
        LinkMethods.Hello => JsonSerializer.SerializeToElement(
            Offer(parameters.Deserialize(LinkJson.Default.LinkHello) ?? throw new JsonException("there are no parameters")), LinkJson.Default.LinkWelcome),
        LinkMethods.Enrolled => Take(),
        _ => throw new JsonRpcException(LinkErrors.InvalidRequest, "this link is for enrolling alone; dial again with the VM's own token"),
    });

    private LinkWelcome Offer(LinkHello hello)
    {
        // Not the pod's name, which may be another with each container.
        var key = new MachineKey(hello.Pod.Namespace, hello.Name);
        if (!Label().IsMatch(key.Namespace) || !Label().IsMatch(key.Name))
        {
            throw Refuse(new MachineKey("?", "?"), "its namespace or name is none: each has up to 63 of a-z, 0-9 and -, with no - at an end; set POD_NAMESPACE and VM_NAME");
        }

        if (!hello.Enrols)
        {
            throw Refuse(key, "its agent does not know how to enrol; run a newer one");
        }

        if (_machines.Find(key) is not null)
        {
            throw Taken(key);
        }

        var token = Token.New();
        _offered = (key, Token.Hash(token));
        return new LinkWelcome(LinkProtocol.Version, HeartbeatSeconds: 1, Token: token);
    }

    private JsonElement Take()
    {
        if (_offered is not var (key, hash))
        {
            throw new JsonRpcException(LinkErrors.InvalidRequest, "say hello first");
        }

        _offered = null;
        if (!_machines.Enrol(key, hash))
        {
            throw Taken(key);
        }

        LogEnrolled(key);
        return JsonSerializer.SerializeToElement(LinkAck.Done, LinkJson.Default.LinkAck);
    }

    private JsonRpcException Taken(MachineKey key) => Refuse(
        key, $"VM {key} is enrolled already, and this agent does not have its token; give it another name, or, where it is the same VM and has lost the token, run `kvm-coordinator forget {key}`");

    private JsonRpcException Refuse(MachineKey key, string why)
    {
        LogRefused(key, why);
        return new JsonRpcException(LinkErrors.Forbidden, why);
    }

    /// <summary>DNS-1123, a label.</summary>
    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [LoggerMessage(Level = LogLevel.Information, Message = "VM {Key} is enrolled")]
    private partial void LogEnrolled(MachineKey key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "VM {Key} does not enrol: {Why}")]
    private partial void LogRefused(MachineKey key, string why);
}
