using System.Net.WebSockets;
using System.Text;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Agents;

/// <summary>What links need.</summary>
internal sealed record AgentServices(AgentRegistry Registry, AdmitAgent Admit, AgentLinkOptions Options, TimeProvider Time, ILogger<AgentSession> Log)
{
    private AgentAbilities _last = new("", [], []);

    public AgentStreams Streams { get; } = new(Options, Time);

    public AgentRounds Rounds { get; } = new(Options, Time);

    /// <summary>Thousands of agents are of one version: then what they can is in memory once.</summary>
    public AgentAbilities AbilitiesOf(LinkHello hello)
    {
        var known = Volatile.Read(ref _last);
        if (known.Version == hello.Version && known.Methods.SequenceEqual(hello.Methods) && known.Streams.SequenceEqual(hello.Streams))
        {
            return known;
        }

        known = new AgentAbilities(hello.Version, hello.Methods, hello.Streams);
        Volatile.Write(ref _last, known);
        return known;
    }
}

/// <summary>Where agents dial: a link each, and streams that were asked for over it.</summary>
internal static class AgentEndpoints
{
    public static void MapAgents(this IEndpointRouteBuilder routes, AgentServices services)
    {
        routes.MapGet(LinkProtocol.LinkPath, Sockets(routes, context => LinkAsync(context, services)));
        routes.MapGet(LinkProtocol.StreamPath + "{id}", Sockets(routes, context => StreamAsync(context, services)));
    }

    private static RequestDelegate Sockets(IEndpointRouteBuilder routes, RequestDelegate run)
    {
        var application = routes.CreateApplicationBuilder();
        application.UseWebSockets();
        application.Run(run);
        return application.Build();
    }

    private static async Task LinkAsync(HttpContext context, AgentServices services)
    {
        if (await AdmitAsync(context, services).ConfigureAwait(false) is not (var token, var admission))
        {
            return;
        }

        var run = admission.Identity is { } identity ? Session(identity, admission.Expires, Encoding.UTF8.GetBytes(token), services) : admission.Enrol!;
        var accepted = await AcceptAsync(context, TimeSpan.Zero).ConfigureAwait(false);
        if (context.Features.Get<Handover>() is { } handover)
        {
            handover.To(RunAs(run, Stopping(context)));
            return;
        }

        using (accepted)
        {
            using var end = UntilStop(context);
            await run(accepted, end.Token).ConfigureAwait(false);
        }
    }

    private static Func<WebSocket, CancellationToken, Task> Session(AgentIdentity identity, DateTimeOffset expires, byte[] token, AgentServices services) =>
        (socket, stop) => AgentSession.RunAsync(socket, identity, expires, token, services, stop);

    /// <summary>The socket that was accepted is the request's, and has read and written nothing yet: another takes its place on the stream below.</summary>
    private static HandedOver RunAs(Func<WebSocket, CancellationToken, Task> run, CancellationToken stopping) => async (stream, gone) =>
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(gone, stopping);
        using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, SubProtocol = LinkProtocol.SubProtocol, KeepAliveInterval = TimeSpan.Zero });
        await run(socket, end.Token).ConfigureAwait(false);
    };

    private static async Task StreamAsync(HttpContext context, AgentServices services)
    {
        if (await AdmitAsync(context, services).ConfigureAwait(false) is not (_, var admission))
        {
            return;
        }

        if (admission.Identity is not { } identity)
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status403Forbidden, "the token enrols VMs, and has no streams").ConfigureAwait(false);
            return;
        }

        if (services.Streams.Claim((string)context.GetRouteValue("id")!, identity.PodUid) is not { } expected)
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status404NotFound, "no such stream is waited for, or not any more").ConfigureAwait(false);
            return;
        }

        using (expected)
        {
            using var socket = await AcceptAsync(context, LinkProtocol.PingEvery).ConfigureAwait(false);
            using var end = UntilStop(context);
            await expected.ServeAsync(socket, end.Token).ConfigureAwait(false);
        }
    }

    /// <summary>A listener that stops waits half a minute for what it serves, and links have no end of their own: they go to another replica at once.</summary>
    private static CancellationTokenSource UntilStop(HttpContext context) => CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, Stopping(context));

    private static CancellationToken Stopping(HttpContext context) => context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    /// <returns>Null where the request was answered with a refusal.</returns>
    private static async Task<(string Token, AgentAdmission Admission)?> AdmitAsync(HttpContext context, AgentServices services)
    {
        if (!context.WebSockets.IsWebSocketRequest || !context.WebSockets.WebSocketRequestedProtocols.Contains(LinkProtocol.SubProtocol))
        {
            await BearerTokens.RefuseAsync(context, StatusCodes.Status400BadRequest, $"this is for WebSockets of the protocol {LinkProtocol.SubProtocol}").ConfigureAwait(false);
            return null;
        }

        return await BearerTokens.AdmitAsync(context, services.Admit, services.Time).ConfigureAwait(false);
    }

    private static Task<WebSocket> AcceptAsync(HttpContext context, TimeSpan pings) => context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
    {
        SubProtocol = LinkProtocol.SubProtocol,
        KeepAliveInterval = pings,
        KeepAliveTimeout = LinkProtocol.PongLimit,
    });
}
