using System.Net.WebSockets;
using System.Text;
using KvmAgent.Kubernetes.Tests.Support;

namespace KvmAgent.Kubernetes.Tests.Client;

public sealed class StreamTests : IAsyncLifetime, IDisposable
{
    private const string Path = "/apis/subresources.kubevirt.io/v1/namespaces/a/virtualmachineinstances/x/console?preserveSession=true", Protocol = "plain.kubevirt.io";

    private readonly CancellationToken _ct = CancellationToken.None;
    private readonly TestPki _pki = new();
    private ScriptedServer _server = null!;

    public async Task InitializeAsync() => _server = await ScriptedServer.StartAsync(_pki);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _pki.Dispose();

    private KubernetesClient Client() => new(KubernetesConnection.To(_server.Address, "a-token", authorities: _pki.AuthorityPem), TimeProvider.System);

    [Fact]
    public async Task A_stream_goes_both_ways_with_the_token_and_over_HTTP_1()
    {
        _server.Answer = async (asked, context) =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync(Protocol);
            var buffer = new byte[100];
            var part = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
            await socket.SendAsync(buffer.AsMemory(0, part.Count), WebSocketMessageType.Binary, true, context.RequestAborted);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "enough", context.RequestAborted);
        };
        using var client = Client();
        using (var stream = await client.ConnectAsync(Path, Protocol, _ct))
        {
            await stream.SendAsync("ping"u8.ToArray(), WebSocketMessageType.Binary, true, _ct);
            var answer = new byte[100];
            var part = await stream.ReceiveAsync(answer.AsMemory(), _ct);
            Encoding.ASCII.GetString(answer, 0, part.Count).ShouldBe("ping");
            (await stream.ReceiveAsync(answer.AsMemory(), _ct)).MessageType.ShouldBe(WebSocketMessageType.Close);
            stream.CloseStatusDescription.ShouldBe("enough");
        }

        var asked = _server.Asked.ShouldHaveSingleItem();
        (asked.Target, asked.Authorization, asked.Protocol).ShouldBe((Path, "Bearer a-token", "HTTP/1.1"));
    }

    [Fact]
    public async Task A_refusal_is_the_APIs_with_its_words()
    {
        _server.Answer = static (_, context) => context.Answer(409, """{"kind":"Status","status":"Failure","reason":"Conflict","code":409,"message":"VMI is not running"}""");
        using var client = Client();
        var e = await Should.ThrowAsync<KubernetesException>(() => client.ConnectAsync(Path, Protocol, _ct));
        e.IsConflict.ShouldBeTrue();
        e.Message.ShouldContain("VMI is not running");
    }

    [Fact]
    public async Task What_is_no_WebSocket_is_said()
    {
        _server.Answer = static (_, context) => context.Answer(200, "{}");
        using var client = Client();
        (await Should.ThrowAsync<HttpRequestException>(() => client.ConnectAsync(Path, Protocol, _ct))).Message.ShouldContain("200 instead of 101");
    }
}
