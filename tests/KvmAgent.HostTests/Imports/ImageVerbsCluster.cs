using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using KvmAgent.Cli.Tests;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Processes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Until = KvmAgent.HostTests.Support.Until;

namespace KvmAgent.HostTests.Imports;

/// <summary>A whole coordinator, a node with real importers, a site with images; and the real kvmctl, logged in by a file of its own.</summary>
internal sealed class ImageVerbsCluster : IAsyncDisposable
{
    public const string Namespace = "golden";

    private const string SystemNamespace = "kvm-system", Secret = "tls";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-images-").FullName;
    private readonly HttpClient _http = new(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true });
    private readonly CancellationTokenSource _stop = new();
    private ClusterCoordinator? _coordinator;
    private Task _running = Task.CompletedTask;

    private ImageVerbsCluster(TestApiServer server, ImageSite site) => (Server, Site, Node) = (server, site, new ImportNode(server));

    public TestApiServer Server { get; }

    public ImageSite Site { get; }

    public ImportNode Node { get; }

    /// <summary>Between kvmctl and the management API.</summary>
    public Wire Line { get; private set; } = null!;

    public static async Task<ImageVerbsCluster> StartAsync()
    {
        var cluster = new ImageVerbsCluster(await KubeVirtServer.StartAsync(Namespace, SystemNamespace), await ImageSite.StartAsync());
        try
        {
            await cluster.BeginAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public string Write(string name, byte[] content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    public async Task<(int ExitCode, string Output, string Error)> KvmctlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "kvmctl.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KVMCTL_CONFIG"] = Path.Combine(_directory, "kvmctl.json");
        using var process = Children.Start(start);
        try
        {
            using var deadline = new CancellationTokenSource(Limit);
            var (output, error) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            Children.Collected(process);
        }
    }

    /// <summary>To the management API, as an administrator.</summary>
    public async Task<HttpStatusCode> SendAsync(HttpMethod method, string path, HttpContent content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"https://{_coordinator!.EndPoints[3]}{path}") { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Server.Token);
        request.Headers.ExpectContinue = true;
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await _http.SendAsync(request);
        return answer.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        Line?.Dispose();
        await _stop.CancelAsync();
        await _running;
        if (_coordinator is not null)
        {
            await _coordinator.DisposeAsync();
        }

        await Node.DisposeAsync();
        await Site.DisposeAsync();
        await Server.DisposeAsync();
        _http.Dispose();
        _stop.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task BeginAsync()
    {
        using var authority = new TestAuthority("front-proxy-ca");
        Server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = authority.Pem },
        });
        var agents = FreePort();
        var anywhere = new IPEndPoint(IPAddress.Loopback, 0);
        var settings = new CoordinatorSettings
        {
            ListenAgents = new IPEndPoint(IPAddress.Loopback, agents),
            ListenApi = anywhere,
            ListenHealth = anywhere,
            ListenManagement = anywhere,
            ListenUploads = anywhere,
            Namespace = SystemNamespace,
            Identity = "coordinator",
            TlsSecret = Secret,
            TlsNames = ["127.0.0.1"],
            Machines = Given.Options(null),
            AgentUrl = $"https://127.0.0.1:{agents}",
            Audience = RunningImports.Audience,
        };
        var connection = KubernetesConnection.To(Server.Address, Server.Token, authorities: Server.CertificateAuthority);
        _coordinator = new ClusterCoordinator(settings, connection, TimeProvider.System, NullLoggerFactory.Instance);
        await _coordinator.StartAsync(CancellationToken.None);
        _running = Task.Run(() => _coordinator.RunAsync(_stop.Token));
        await Until.TrueAsync(() => Task.FromResult(_coordinator.IsLeader), Limit);
        Line = Wire.To(new Uri($"https://{_coordinator.EndPoints[3]}"));
        var login = new JsonObject
        {
            ["server"] = Line.Address.GetLeftPart(UriPartial.Authority),
            ["certificate_authority"] = System.Text.Encoding.ASCII.GetString(Convert.FromBase64String((string)Server.Get("", "secrets", SystemNamespace, Secret)!["data"]!["ca.crt"]!)),
            ["token"] = Server.Token,
        };
        await File.WriteAllTextAsync(Path.Combine(_directory, "kvmctl.json"), login.ToJsonString());
    }

    /// <summary>Agents are told where to dial before anybody listens.</summary>
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
