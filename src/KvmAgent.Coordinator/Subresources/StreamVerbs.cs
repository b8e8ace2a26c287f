using System.Globalization;
using KvmAgent.Contracts.Link;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Streams between a client and a guest: the serial console, the screens, a port. SPICE's is ours: KubeVirt has none.</summary>
internal sealed class StreamVerbs(InstanceLinks links)
{
    public const string Session = "session", PreserveSession = "preserveSession";

    private const int LongestSession = 64;

    /// <summary>Idle sessions live, and dead ones end.</summary>
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15), PongLimit = TimeSpan.FromSeconds(60);

    public IReadOnlyList<Subresource> All =>
    [
        new(HttpMethods.Get, InstanceVerbs.Resource, "console", r => OwnAsync(r, StreamKinds.Console)),
        new(HttpMethods.Get, InstanceVerbs.Resource, "vnc", r => OwnAsync(r, StreamKinds.Vnc)),
        new(HttpMethods.Get, InstanceVerbs.Resource, "spice", r => OwnAsync(r, StreamKinds.Spice)),
        .. PortForward(InstanceVerbs.Resource),
        .. PortForward(MachineVerbs.Resource),
    ];

    private IEnumerable<Subresource> PortForward(string resource) =>
    [
        new(HttpMethods.Get, resource, "portforward", PortAsync, "/{port}"),
        new(HttpMethods.Get, resource, "portforward", PortAsync, "/{port}/{protocol}"),
    ];

    /// <summary>One client at a time, for which the agent sees; one that has several streams at once, as those of SPICE do, calls them one <c>session</c>.</summary>
    private Task OwnAsync(SubresourceRequest request, string kind)
    {
        var query = request.Http.Request.Query;
        var session = (string?)query[Session];
        if (session is not null && (session.Length is 0 or > LongestSession || !session.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-')))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"{Session} is no name of a session; give 1 to {LongestSession} letters, digits and hyphens, chosen by chance");
        }

        return ConnectAsync(request, new StreamRequest(kind, Preserve: query[PreserveSession] == "true", Session: session));
    }

    private Task PortAsync(SubresourceRequest request)
    {
        var port = (string)request.Http.GetRouteValue("port")!;
        var protocol = (string?)request.Http.GetRouteValue("protocol") ?? StreamKinds.Tcp;
        if (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 65535)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"port {port} is none; give 1 to 65535");
        }

        if (protocol is not (StreamKinds.Tcp or StreamKinds.Udp))
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"protocol {protocol} is not supported; give tcp or udp");
        }

        return ConnectAsync(request, new StreamRequest(StreamKinds.Port, number, protocol));
    }

    private async Task ConnectAsync(SubresourceRequest request, StreamRequest wanted)
    {
        var sockets = request.Http.WebSockets;
        if (!sockets.IsWebSocketRequest)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"this is a WebSocket of the protocol {StreamProtocols.Plain}; ask for an upgrade");
        }

        var link = await links.OfRunningAsync(request, FailureReason.BadRequest).ConfigureAwait(false);
        await using var stream = await link.OpenStreamAsync(wanted, request.Cancel).ConfigureAwait(false);
        using var client = await sockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = sockets.WebSocketRequestedProtocols.Contains(StreamProtocols.Plain) ? StreamProtocols.Plain : null,
            KeepAliveInterval = PingEvery,
            KeepAliveTimeout = PongLimit,
        }).ConfigureAwait(false);
        await SocketPump.RunAsync(client, stream.Socket, request.Cancel).ConfigureAwait(false);
    }
}
