using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.TestSupport.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Hosting;

/// <summary>What a secure connection holds while nothing goes over it.</summary>
public sealed class TlsListenerTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TestAuthority _authority = new("listener-ca");
    private readonly SslStreamCertificateContext _certificate;

    public TlsListenerTests() => _certificate = SslStreamCertificateContext.Create(_authority.Server("127.0.0.1"), null, offline: true);

    public void Dispose()
    {
        _certificate.TargetCertificate.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task This_runtime_and_its_OpenSSL_are_those_whose_buffers_can_be_given_back()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var socket = new TcpClient();
        await socket.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await listener.AcceptTcpClientAsync();
        await using var client = new SslStream(socket.GetStream(), false, Trusts);
        await using var server = new SslStream(accepted.GetStream());
        TlsBuffers.Release(server).ShouldBeFalse("there is no connection yet");
        await Task.WhenAll(
            client.AuthenticateAsClientAsync("127.0.0.1"),
            server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _certificate })).WaitAsync(Limit);

        TlsBuffers.Release(server).ShouldBeTrue("SslStream's handle or OpenSSL is another: look at TlsBuffers");

        for (var length = 1; length <= 100_000; length *= 10)
        {
            var sent = Enumerable.Range(0, length).Select(static n => (byte)n).ToArray();
            await Task.WhenAll(EchoAsync(client, sent), EchoBackAsync(server, length)).WaitAsync(Limit);
        }
    }

    [Fact]
    public async Task A_link_of_an_agent_holds_nothing_of_its_request()
    {
        WeakReference? request = null;
        var reports = new TaskCompletionSource<AgentReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource<AgentLink>(TaskCreationOptions.RunContinuationsAsynchronously);
        var registry = new AgentRegistry();
        registry.Reported += report => reports.TrySetResult(report);
        registry.Disconnected += ended.SetResult;
        var services = new AgentServices(
            registry, static (_, _) => Task.FromResult(AgentAdmission.Admit(new AgentIdentity("team", "web-0", "uid-1"), DateTimeOffset.MaxValue)),
            new AgentLinkOptions(), TimeProvider.System, NullLogger<AgentSession>.Instance);
        var (application, bound) = await ListenAsync(
            routes => routes.MapAgents(services),
            (context, next) =>
            {
                // Kestrel's own object of the connection's requests.
                request = new WeakReference(context.Features.Get<IHttpRequestFeature>());
                return next(context);
            });
        await using (application)
        {
            using var agent = await DialAsync(bound);
            await SayAsync(agent, """{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"version":"1","pod":{"name":"web-0","namespace":"team","uid":"uid-1"},"name":"web","start":{"id":"s","time":"2026-01-01T00:00:00Z"},"methods":[],"streams":[]}}""");
            (await HearAsync(agent)).ShouldContain("heartbeatSeconds");
            registry.Find("uid-1").ShouldNotBeNull();

            await UntilGoneAsync(request.ShouldNotBeNull());

            await SayAsync(agent, """{"jsonrpc":"2.0","id":2,"method":"transition","params":{"start":{"id":"s","time":"2026-01-01T00:00:00Z"},"sequence":1,"time":"2026-01-01T00:00:00Z","phase":"Starting","reason":null,"exitCode":null}}""");
            (await HearAsync(agent)).ShouldContain("\"id\":2");
            (await reports.Task.WaitAsync(Limit)).Sequence.ShouldBe(1);
            // The coordinator ends: so does the link, at once.
            await application.StopAsync().WaitAsync(Limit);
            (await ended.Task.WaitAsync(Limit)).Identity.PodUid.ShouldBe("uid-1");
        }
    }

    [Fact]
    public async Task Requests_that_are_no_links_are_answered_one_after_the_other_on_one_connection()
    {
        var connections = new HashSet<string>();
        var (application, bound) = await ListenAsync(
            static routes => routes.MapGet("/hello", static () => "hello"),
            (context, next) =>
            {
                connections.Add(context.Connection.Id);
                return next(context);
            });
        await using (application)
        {
            using var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = Trusts } };
            using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://{bound}"), Timeout = Limit };
            for (var n = 0; n < 3; n++)
            {
                (await http.GetStringAsync(new Uri("/hello", UriKind.Relative))).ShouldBe("hello");
            }

            connections.Count.ShouldBe(1);
        }
    }

    private Task<(WebApplication Application, IPEndPoint Bound)> ListenAsync(Action<IEndpointRouteBuilder> map, Func<HttpContext, RequestDelegate, Task> gate) => Listener.StartAsync(
        new IPEndPoint(IPAddress.Loopback, 0), Listener.Tls(() => _certificate), map, NullLoggerFactory.Instance, CancellationToken.None, gate);

    private async Task<ClientWebSocket> DialAsync(IPEndPoint at)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(LinkProtocol.SubProtocol);
        socket.Options.SetRequestHeader("Authorization", "Bearer token");
        socket.Options.RemoteCertificateValidationCallback = Trusts;
        await socket.ConnectAsync(new Uri($"wss://{at}{LinkProtocol.LinkPath}"), CancellationToken.None).WaitAsync(Limit);
        return socket;
    }

    private static Task SayAsync(WebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).WaitAsync(Limit);

    private static async Task<string> HearAsync(WebSocket socket)
    {
        var buffer = new byte[64 << 10];
        var heard = await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Limit);
        return Encoding.UTF8.GetString(buffer, 0, heard.Count);
    }

    private static async Task UntilGoneAsync(WeakReference reference)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (IsThere(reference))
        {
            GC.Collect();
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        }
    }

    /// <summary>Apart, so that no local keeps what it looks at.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsThere(WeakReference reference) => reference.Target is not null;

    private bool Trusts(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate?.GetCertHashString() == _certificate.TargetCertificate.GetCertHashString();

    private static async Task EchoAsync(SslStream stream, byte[] sent)
    {
        await stream.WriteAsync(sent);
        var back = new byte[sent.Length];
        await stream.ReadExactlyAsync(back);
        back.ShouldBe(sent);
    }

    private static async Task EchoBackAsync(SslStream stream, int length)
    {
        var heard = new byte[length];
        await stream.ReadExactlyAsync(heard);
        await stream.WriteAsync(heard);
    }
}
