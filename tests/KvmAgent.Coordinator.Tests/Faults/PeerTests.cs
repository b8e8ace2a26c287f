using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>Two replicas, of which the agent has a link to one alone: what is asked of the other is done all the same.</summary>
public sealed class PeerTests : IAsyncLifetime
{
    /// <summary>Of the loopback network, but not its usual address, where connections of all the tests take the ports.</summary>
    private static readonly string Network = $"127.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}";

    private static readonly IPAddress First = IPAddress.Parse($"{Network}.1"), Second = IPAddress.Parse($"{Network}.2");

    private FaultCluster _cluster = null!;
    private RunningCoordinator _linked = null!, _other = null!;

    public async Task InitializeAsync()
    {
        _cluster = await FaultCluster.StartAsync();
        var port = FreePort();
        _linked = await _cluster.CoordinateAsync("one", api: new IPEndPoint(First, port), replicas: [First, Second]);

        // Which writes what the agent tells: the other hears nothing of it.
        await _cluster.UntilAsync(() => _linked.IsLeader, "the first leads");
        _other = await _cluster.CoordinateAsync("two", api: new IPEndPoint(Second, port), replicas: [First, Second]);
        _other.IsDialled = false;
        _cluster.Apply("web");
        await _cluster.RunningAsync("web");
        await _cluster.UntilAsync(() => _cluster.PodOf("web").Agent.Links == 1, "the agent has one link");
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task A_replica_without_the_agents_link_hands_a_request_on_to_one_that_has_it()
    {
        using var client = Client(_cluster.FrontProxy);
        var (code, body) = await PutAsync(client, _other, "pause", """{"dryRun":[]}""");
        code.ShouldBe(HttpStatusCode.OK, body);
        await _cluster.UntilAsync(() => FaultCluster.Condition(_cluster.Instance("web"), "Paused") is not null, "it is paused");

        // Its refusals come through too.
        (code, body) = await PutAsync(client, _other, "freeze", "{}");
        code.ShouldBe(HttpStatusCode.Conflict);
        body.ShouldContain("does not know freeze");
    }

    [Fact]
    public async Task A_stream_is_handed_on_too()
    {
        using var client = Client(_cluster.FrontProxy);
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("plain.kubevirt.io");
        socket.Options.SetRequestHeader("X-Remote-User", "jane");
        socket.Options.SetRequestHeader("X-Remote-Group", "system:masters");
        await socket.ConnectAsync(Url("wss", _other, "console"), client, CancellationToken.None);
        socket.SubProtocol.ShouldBe("plain.kubevirt.io");
        await socket.SendAsync("ping"u8.ToArray(), WebSocketMessageType.Binary, true, CancellationToken.None);
        var buffer = new byte[64];
        var echo = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        buffer[..echo.Count].ShouldBe("ping"u8.ToArray());
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Where_no_replica_has_it_that_is_said_and_a_stranger_is_told_nothing()
    {
        var uid = _cluster.PodOf("web").Uid;
        using var client = Client(_cluster.FrontProxy);
        using var asked = new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{_linked.Api}/peers/v1/links/{uid}"));
        (await client.SendAsync(asked, CancellationToken.None)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        using var stranger = new TestAuthority("stranger");
        using var forger = Client(stranger);
        await Should.ThrowAsync<HttpRequestException>(() => PutAsync(forger, _other, "pause", "{}"));

        _linked.IsDialled = false;
        _cluster.Node.Linked = false;
        await _cluster.UntilAsync(() => _cluster.PodOf("web").Agent.Links == 0, "the agent has no link");
        var (code, body) = await PutAsync(client, _other, "pause", "{}");
        code.ShouldBe(HttpStatusCode.ServiceUnavailable);
        body.ShouldContain("has no link");
    }

    private static async Task<(HttpStatusCode Code, string Body)> PutAsync(HttpMessageInvoker client, RunningCoordinator coordinator, string verb, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, Url("https", coordinator, verb)) { Content = new StringContent(body) };
        request.Headers.Add("X-Remote-User", "jane");
        request.Headers.Add("X-Remote-Group", "system:masters");
        using var answer = await client.SendAsync(request, CancellationToken.None);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static Uri Url(string scheme, RunningCoordinator coordinator, string verb) =>
        new($"{scheme}://{coordinator.Api}/apis/subresources.kubevirt.io/v1/namespaces/{FaultCluster.Namespace}/virtualmachineinstances/web/{verb}");

    private static HttpMessageInvoker Client(TestAuthority authority) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = [authority.Client("front-proxy-client")],
#pragma warning disable CA5359 // What is proved here is whom the coordinator believes.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        },
    });

    private static int FreePort()
    {
        using var listener = new TcpListener(Second, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
