using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Tests.Agents;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>A coordinator without a cluster in a directory of the test's own, and those who talk to it: by the files that it has written.</summary>
internal sealed class AloneHost : IAsyncDisposable
{
    public const string Vmis = "/apis/kubevirt.io/v1/namespaces/team/virtualmachineinstances";

    private readonly string _parent = Directory.CreateTempSubdirectory("kvm-coordinator-").FullName;
    private (AloneCoordinator Coordinator, CancellationTokenSource Stop, Task Running)? _running;

    public string DataDir => Path.Combine(_parent, "data");

    public string KeyFile => Path.Combine(_parent, "config", "key");

    public DataDirectory Files => new(DataDir);

    /// <summary>What kvmctl reads.</summary>
    public string Login => Files.Login;

    public string EnrolmentToken => File.ReadAllText(Files.AgentToken).Trim();

    public string PeoplesToken => File.ReadAllLines(Files.Kubeconfig).Select(static l => l.Trim()).Single(static l => l.StartsWith("token: ", StringComparison.Ordinal))["token: ".Length..];

    public AloneSettings Settings => AloneSettingsReader.Read(
        new Dictionary<string, string>
        {
            ["DATA_DIR"] = DataDir,
            ["KEY_FILE"] = KeyFile,
            ["PROVIDER_ALLOW_ADDRESS"] = "127.0.0.1",
            ["LISTEN_AGENTS"] = "127.0.0.1:0",
            ["LISTEN_API"] = "127.0.0.1:0",
            ["LISTEN_HEALTH"] = "127.0.0.1:0",
            ["LISTEN_MANAGEMENT"] = "127.0.0.1:0",
        },
        isRoot: false);

    private AloneCoordinator Coordinator => _running!.Value.Coordinator;

    public static async Task<AloneHost> StartAsync()
    {
        var host = new AloneHost();
        try
        {
            await host.BeginAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public async Task BeginAsync()
    {
        var coordinator = new AloneCoordinator(Settings, TimeProvider.System, NullLoggerFactory.Instance);
        var stop = new CancellationTokenSource();
        try
        {
            await coordinator.StartAsync(stop.Token);
        }
        catch
        {
            await coordinator.DisposeAsync();
            throw;
        }

        _running = (coordinator, stop, coordinator.RunAsync(stop.Token));
    }

    public async Task EndAsync()
    {
        if (_running is var (coordinator, stop, running))
        {
            _running = null;
            await stop.CancelAsync();
            await running;
            await coordinator.DisposeAsync();
            stop.Dispose();
        }
    }

    /// <exception cref="WebSocketException">Refused; the exception's data has status and words.</exception>
    public async Task<ScriptedAgent> DialAsync(string token, string start = "a-start")
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(LinkProtocol.SubProtocol);
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        try
        {
            using var invoker = new HttpMessageInvoker(Handler());
            await socket.ConnectAsync(new Uri($"wss://{Coordinator.EndPoints[0]}{LinkProtocol.LinkPath}"), invoker, CancellationToken.None);
            return new ScriptedAgent(socket) { Start = new AgentStart(start, DateTimeOffset.UnixEpoch) };
        }
        catch (WebSocketException e)
        {
            e.Data["refusal"] = $"{(int)socket.HttpStatusCode} {socket.HttpResponseHeaders?.GetValueOrDefault("WWW-Authenticate")?.FirstOrDefault()}";
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Enrols a VM by its name.</summary>
    /// <returns>Its token.</returns>
    public async Task<string> EnrolAsync(string name = "web")
    {
        using var agent = await DialAsync(EnrolmentToken);
        var welcome = await agent.HelloAsync("", enrols: true, name: name);
        (await agent.AskAsync(LinkMethods.Enrolled, "{}")).TryGetProperty("result", out _).ShouldBeTrue();
        return welcome.GetProperty("result").GetProperty("token").GetString()!;
    }

    /// <summary>Links a VM's agent.</summary>
    public async Task<(ScriptedAgent Agent, JsonElement Welcome)> LinkAsync(string token, string start = "a-start", string uid = "")
    {
        var agent = await DialAsync(token, start);
        return (agent, (await agent.HelloAsync(uid)).GetProperty("result"));
    }

    public HttpClient Client(string? token = null, bool health = false) => ClientOf(health ? $"http://{Coordinator.EndPoints[2]}" : $"https://{Coordinator.EndPoints[1]}", token);

    /// <summary>Of the management API.</summary>
    public HttpClient ManagementClient(string? token = null) => ClientOf($"https://{Coordinator.EndPoints[3]}", token);

    private HttpClient ClientOf(string address, string? token)
    {
        var client = new HttpClient(Handler()) { BaseAddress = new Uri(address) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token ?? PeoplesToken);
        return client;
    }

    public async Task<JsonNode> GetAsync(string path, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var client = Client();
        var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(status, text);
        return JsonNode.Parse(text)!;
    }

    public Task<JsonNode> VmAsync(string name = "web") => GetAsync($"{Vmis}/{name}");

    /// <summary>What another process does: a store of its own on the same file.</summary>
    public AloneStore OpenBeside() => new(AloneDatabase.At(Files.Database).OpenExisting());

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        Directory.Delete(_parent, recursive: true);
    }

    private SocketsHttpHandler Handler()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(Files.AgentAuthority);
        return new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
    }
}
