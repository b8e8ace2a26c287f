using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Agents;

/// <summary>The coordinator's end of links on a loopback address. A token is good that is <c>NAMESPACE/POD/UID</c>, while <see cref="Refusal"/> says nothing else.</summary>
internal sealed class AgentServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private AgentServer(WebApplication application, AgentServices services) => (_application, Services) = (application, services);

    public AgentServices Services { get; }

    public AgentRegistry Registry => Services.Registry;

    public ConcurrentQueue<AgentReport> Reports { get; } = [];

    /// <summary>How long tokens are good from when they are reviewed first.</summary>
    public TimeSpan Life { get; set; } = TimeSpan.FromHours(1);

    /// <summary>What reviews say from now on.</summary>
    public string? Refusal { get; set; }

    public Uri Address => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single().Replace("http", "ws", StringComparison.Ordinal));

    public static async Task<AgentServer> StartAsync(AgentLinkOptions? options = null)
    {
        AgentServer? server = null;
        var began = TimeProvider.System.GetUtcNow();
        var registry = new AgentRegistry();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1));
        var application = builder.Build();
        var services = new AgentServices(
            registry,
            (token, _) => Task.FromResult(server!.Refusal is { } why ? AgentAdmission.Refuse(why, known: true)
                : token.Split('/') is [var ns, var pod, var uid] ? AgentAdmission.Admit(new AgentIdentity(ns, pod, uid), began + server.Life)
                : AgentAdmission.Refuse("it is not the token of a pod")),
            options ?? new AgentLinkOptions(),
            TimeProvider.System,
            NullLogger<AgentSession>.Instance);
        application.MapAgents(services);
        server = new AgentServer(application, services);
        registry.Reported += server.Reports.Enqueue;
        await application.StartAsync();
        return server;
    }

    /// <exception cref="WebSocketException">Refused; the exception's data has status and words.</exception>
    public async Task<ClientWebSocket> DialAsync(string? token, string path = LinkProtocol.LinkPath)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(LinkProtocol.SubProtocol);
        socket.Options.CollectHttpResponseDetails = true;
        if (token is not null)
        {
            socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        }

        try
        {
            await socket.ConnectAsync(new Uri(Address, path), CancellationToken.None);
            return socket;
        }
        catch (WebSocketException e)
        {
            e.Data["refusal"] = $"{(int)socket.HttpStatusCode} {socket.HttpResponseHeaders?.GetValueOrDefault("WWW-Authenticate")?.FirstOrDefault()}";
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _application.StopAsync(now.Token);
        await _application.DisposeAsync();
    }
}
