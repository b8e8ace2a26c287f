using System.Collections.Concurrent;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Agents;
using KvmAgent.HostTests.Support;
using KvmAgent.TestSupport.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.HostTests.Link;

/// <summary>
/// The coordinator's end of links, without a cluster: Kestrel on a Unix socket with a certificate of its own authority, and a relay to it
/// in the world behind a pod's node, which the pod's agent can dial.
/// </summary>
internal sealed class LinkedCoordinator : IAsyncDisposable
{
    public const string Token = "a-token", PodUid = "3f1c2f0e-9d0b-4f57-8c0a-0c5f1b2d3e4f";
    private const int Port = 8443;

    private readonly WebApplication _application;
    private readonly Background _relay;

    private LinkedCoordinator(WebApplication application, Background relay, AgentRegistry registry)
    {
        (_application, _relay, Registry) = (application, relay, registry);
        registry.Reported += Reports.Enqueue;
    }

    public AgentRegistry Registry { get; }

    public ConcurrentQueue<AgentReport> Reports { get; } = [];

    /// <summary>What the pod's link is.</summary>
    public AgentLink? Link => Registry.Find(PodUid);

    public VmPhase[] Transitions => [.. Reports.Select(static r => r.Transition).OfType<Contracts.Link.TransitionReport>().Select(static t => t.Phase)];

    /// <summary>The settings of an agent that reports to it.</summary>
    public static async Task<Dictionary<string, string>> SettingsAsync(PodNamespace pod, TestAuthority authority)
    {
        var (token, authorities) = (Path.Combine(pod.Directory, "token"), Path.Combine(pod.Directory, "ca.pem"));
        await File.WriteAllTextAsync(token, Token + "\n");
        await File.WriteAllTextAsync(authorities, authority.Pem);
        return new Dictionary<string, string>
        {
            ["COORDINATOR_URL"] = $"https://{PodNamespace.Client}:{Port}",
            ["COORDINATOR_CA_FILE"] = authorities,
            ["COORDINATOR_TOKEN_FILE"] = token,
            ["POD_NAMESPACE"] = "team",
            ["POD_NAME"] = "web-0",
            ["POD_UID"] = PodUid,
        };
    }

    public static async Task<LinkedCoordinator> StartAsync(PodNamespace pod, TestAuthority authority)
    {
        var registry = new AgentRegistry();
        var services = new AgentServices(
            registry,
            static (token, _) => Task.FromResult(token == Token
                ? AgentAdmission.Admit(new AgentIdentity("team", "web-0", PodUid), TimeProvider.System.GetUtcNow().AddHours(1))
                : AgentAdmission.Refuse("it is not the token of a pod")),
            new AgentLinkOptions(),
            TimeProvider.System,
            NullLogger<AgentSession>.Instance);
        var socket = Path.Combine(pod.Directory, "coordinator.sock");
        File.Delete(socket);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.UseHttps(authority.Server(PodNamespace.Client))));
        var application = builder.Build();
        application.MapAgents(services);
        await application.StartAsync();
        var relay = pod.Node.Start("socat", "-dd", $"TCP4-LISTEN:{Port},bind={PodNamespace.Client},fork,reuseaddr", $"UNIX-CONNECT:{socket}");
        await relay.WaitForLineAsync("listening on");
        return new LinkedCoordinator(application, relay, registry);
    }

    public Task ReachesAsync(params VmPhase[] transitions) =>
        Until.TrueAsync(() => Task.FromResult(Transitions.SequenceEqual(transitions)), Guests.AgentProcess.Patience, $"transitions are {string.Join(", ", transitions)}");

    public async ValueTask DisposeAsync()
    {
        await _relay.DisposeAsync();
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _application.StopAsync(now.Token);
        await _application.DisposeAsync();
    }
}
