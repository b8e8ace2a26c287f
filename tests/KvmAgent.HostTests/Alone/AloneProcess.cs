using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Alone;

/// <summary>
/// The real <c>kvm-coordinator alone</c> in the world behind a pod's node, where the pod's agent can dial it; and its API, by a relay out
/// of that namespace, as whoever has its kubeconfig.
/// </summary>
internal sealed class AloneProcess : IAsyncDisposable
{
    private const int AgentPort = 8443, ApiPort = 6443;

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "kvm-coordinator.dll");

    private readonly PodNamespace _pod;
    private readonly HttpClient _client;
    private Background _process;
    private Background? _relay;

    private AloneProcess(PodNamespace pod)
    {
        _pod = pod;
        _process = Run();
        _client = new HttpClient(Handler()) { BaseAddress = new Uri($"https://127.0.0.1:{ApiPort}") };
    }

    /// <summary>What an agent is told of it.</summary>
    public Dictionary<string, string> AgentSettings => new()
    {
        ["COORDINATOR_URL"] = $"https://{PodNamespace.Client}:{AgentPort}",
        ["COORDINATOR_CA_FILE"] = Path.Combine(DataDir, "agents", "ca.crt"),
        ["COORDINATOR_TOKEN_FILE"] = Path.Combine(DataDir, "agents", "token"),
    };

    /// <summary>What kvmctl needs of it, as KVMCTL_CONFIG.</summary>
    public string Login => Path.Combine(DataDir, "kvmctl.json");

    private string DataDir => Path.Combine(_pod.Directory, "coordinator");

    private string Socket => Path.Combine(_pod.Directory, "api.sock");

    /// <summary>Where its console is, seen from its own namespace.</summary>
    public Uri Management { get; } = new("https://127.0.0.1:8444");

    public string Token => File.ReadAllLines(Path.Combine(DataDir, "kubeconfig")).Select(static l => l.Trim()).Single(static l => l.StartsWith("token: ", StringComparison.Ordinal))["token: ".Length..];

    public static async Task<AloneProcess> StartAsync(PodNamespace pod)
    {
        var started = new AloneProcess(pod);
        try
        {
            await started._process.WaitForLineAsync("run agents with COORDINATOR_URL=");
            started._relay = pod.Node.Start("socat", "-dd", $"UNIX-LISTEN:{started.Socket},fork", $"TCP4:127.0.0.1:{ApiPort}");
            await started._relay.WaitForLineAsync("listening on");
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>SIGKILL, and another one in the same directory.</summary>
    public async Task KillAndStartAsync()
    {
        await _process.KillAloneAsync();
        await _process.DisposeAsync();
        _process = Run();
        await _process.WaitForLineAsync("run agents with COORDINATOR_URL=");
    }

    public async Task<JsonNode> AskAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", Token) } };
        using var answer = await _client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        answer.IsSuccessStatusCode.ShouldBeTrue(text);
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    /// <summary>Waits until the VM's object is so.</summary>
    /// <param name="condition">Whose status it is: whether the guest is ready, or its agent connected.</param>
    public async Task<JsonNode> ReachesAsync(string phase, string status, string condition = "Ready")
    {
        JsonNode? vm = null;
        await Until.TrueAsync(
            async () =>
            {
                vm = (await AskAsync(HttpMethod.Get, "/apis/kubevirt.io/v1/virtualmachineinstances"))["items"]!.AsArray().SingleOrDefault();
                return vm?["status"]!["phase"]!.GetValue<string>() == phase
                    && vm["status"]!["conditions"]?.AsArray().SingleOrDefault(c => c!["type"]!.GetValue<string>() == condition)?["status"]!.GetValue<string>() == status;
            },
            AgentProcess.Patience,
            $"the VM is {phase} and its condition {condition} {status}");
        return vm!;
    }

    public async Task<ClientWebSocket> DialAsync(string path)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("plain.kubevirt.io");
        socket.Options.SetRequestHeader("Authorization", $"Bearer {Token}");
        using var invoker = new HttpMessageInvoker(Handler());
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{ApiPort}{path}"), invoker, CancellationToken.None);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_relay is not null)
        {
            await _relay.DisposeAsync();
        }

        await _process.DisposeAsync();
    }

    private Background Run() => _pod.Node.Start(
        "env", $"DATA_DIR={DataDir}", $"LISTEN_AGENTS={PodNamespace.Client}:{AgentPort}", $"LISTEN_API=127.0.0.1:{ApiPort}", "dotnet", Program, "alone");

    private SocketsHttpHandler Handler() => new()
    {
        // As kubectl with the kubeconfig: its authority, and no other. It is read when it is there.
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                using var chain = new X509Chain();
                chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                chain.ChainPolicy.CustomTrustStore.ImportFromPemFile(Path.Combine(DataDir, "agents", "ca.crt"));
                return (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None && chain.Build((X509Certificate2)certificate!);
            },
        },
    };
}
