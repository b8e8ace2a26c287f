using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// What the API server's front proxy is to an aggregated API: a client with a certificate of the published authority, that says for whom it
/// asks. The server's name and authority are checked as the API server does.
/// </summary>
internal sealed class FrontProxyClient
{
    private const string ServerName = $"{TestCluster.ServiceName}.{TestCluster.SystemNamespace}.svc";

    private readonly X509Certificate2 _certificate;
    private readonly TestApiServer _server;

    private readonly TestCluster _cluster;

    private FrontProxyClient(ClusterServer server, TestCluster cluster) => (_server, _certificate, _cluster) = (server.Api, server.FrontProxyCertificate, cluster);

    /// <summary>The coordinator is called by its Service's name.</summary>
    private Uri BaseAddress => new($"https://{ServerName}:{_cluster.ApiPort}");

    public static FrontProxyClient Of(ClusterServer server, TestCluster cluster) => new(server, cluster);

    /// <returns>The HTTP status and the body.</returns>
    public async Task<(int Code, string Body)> SendAsync(HttpMethod method, string path, JsonNode? body = null, string user = TestApiServer.AdminUser)
    {
        using var client = new HttpClient(Handler());
        using var request = new HttpRequestMessage(method, new Uri(BaseAddress, "/apis/subresources.kubevirt.io/v1/" + path)) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Add("X-Remote-User", user);
        request.Headers.Add("X-Remote-Group", ["system:masters", "system:authenticated"]);
        using var response = await client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<ClientWebSocket> ConnectAsync(string path)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("plain.kubevirt.io");
        socket.Options.SetRequestHeader("X-Remote-User", TestApiServer.AdminUser);
        socket.Options.SetRequestHeader("X-Remote-Group", "system:masters");
        using var invoker = new HttpMessageInvoker(Handler());
        try
        {
            await socket.ConnectAsync(new Uri($"wss://{BaseAddress.Authority}/apis/subresources.kubevirt.io/v1/{path}"), invoker, CancellationToken.None);
            return socket;
        }
        catch (WebSocketException e)
        {
            throw new InvalidOperationException($"{path}: {e.Message}; the coordinator said:\n{string.Join('\n', _cluster.Coordinator.Lines)}", e);
        }
    }

    private SocketsHttpHandler Handler() => new()
    {
        SslOptions = new SslClientAuthenticationOptions { ClientCertificates = [_certificate], CertificateChainPolicy = Policy() },
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, _cluster.ApiPort, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    private X509ChainPolicy Policy()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        var bundle = (string)_server.Get("apiregistration.k8s.io", "apiservices", "", "v1.subresources.kubevirt.io")!["spec"]!["caBundle"]!;
        policy.CustomTrustStore.ImportFromPem(System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(bundle)));
        return policy;
    }
}
