using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A coordinator alone, whose provider <see cref="Name"/> is a cluster that runs KubeVirt itself, and the real kvmctl.</summary>
internal sealed class RealKubeVirt : IAsyncDisposable
{
    public const string Name = "east";

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-kubevirt-").FullName;
    private readonly HttpClient _http;
    private readonly Background _coordinator;

    private RealKubeVirt()
    {
        // It shows the token to what it has been told of, on loopback.
        _http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator });
        _coordinator = Background.Start(
            "env",
            [
                $"DATA_DIR={Path.Combine(_directory, "data")}", $"KEY_FILE={Path.Combine(_directory, "key")}", "PROVIDER_ALLOW_ADDRESS=127.0.0.0/8",
                "LISTEN_AGENTS=127.0.0.1:0", "LISTEN_API=127.0.0.1:0", "LISTEN_MANAGEMENT=127.0.0.1:0", "LISTEN_HEALTH=127.0.0.1:0",
                "dotnet", Path.Combine(AppContext.BaseDirectory, "kvm-coordinator.dll"), "alone",
            ]);
    }

    public static string? Kubeconfig => Environment.GetEnvironmentVariable("KVM_TEST_KUBEVIRT_KUBECONFIG");

    private string Login => Path.Combine(_directory, "data", "kvmctl.json");

    public static async Task<RealKubeVirt> StartAsync()
    {
        var started = new RealKubeVirt();
        try
        {
            await started._coordinator.WaitForLineAsync("run agents with COORDINATOR_URL=");
            (await started.KvmctlAsync("provider", "add", Name, "--kubeconfig", Kubeconfig!)).ShouldBe($"provider {Name} is added\n");
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <returns>What it said, when it ended well.</returns>
    public async Task<string> KvmctlAsync(params string[] arguments)
    {
        var answer = await TryKvmctlAsync(arguments);
        answer.ExitCode.ShouldBe(0, $"{string.Join(' ', arguments)}: {answer.Output}{answer.Error}\nthe coordinator said:\n{string.Join('\n', _coordinator.Lines)}");
        return answer.Output;
    }

    public Task<ProcessResult> TryKvmctlAsync(params string[] arguments) => ProcessRunner.TryRunAsync("env", Kvmctl(arguments), "", AgentProcess.Patience);

    public Background StartKvmctl(params string[] arguments) => Background.Start("env", Kvmctl(arguments));

    /// <summary>What the list has of a machine; null where it has none.</summary>
    public async Task<JsonNode?> LineAsync(string name) =>
        JsonNode.Parse(await KvmctlAsync("vm", "list", "--provider", Name, "-n", TestCluster.Namespace, "-o", "json"))!["vms"]!.AsArray().FirstOrDefault(vm => (string?)vm!["name"] == name);

    /// <summary>Waits until the list shows it so.</summary>
    public Task ShowsAsync(string name, Func<JsonNode?, bool> expected, string what) =>
        Until.TrueAsync(async () => expected(await LineAsync(name)), AgentProcess.Patience, $"{name} is {what}");

    public Task IsAsync(string name, string powerState) => ShowsAsync(name, line => (string?)line?["power_state"] == powerState, powerState);

    public async Task<(int Code, JsonNode Body)> AskAsync(HttpMethod method, string path)
    {
        var login = JsonNode.Parse(await File.ReadAllTextAsync(Login))!;
        using var request = new HttpRequestMessage(method, $"{login["server"]}{path}?provider={Name}") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", (string)login["token"]!) } };
        using var answer = await _http.SendAsync(request);
        return ((int)answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    /// <summary>A machine's screen.</summary>
    public async Task<ClientWebSocket> ScreenAsync(string name, bool takeOver)
    {
        var login = JsonNode.Parse(await File.ReadAllTextAsync(Login))!;
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {login["token"]}");
        var address = new Uri($"{login["server"]}/kubevirt/vms/{TestCluster.Namespace}/{name}/vnc?provider={Name}{(takeOver ? "&take_over=true" : "")}");
        await socket.ConnectAsync(new UriBuilder(address) { Scheme = "wss" }.Uri, _http, CancellationToken.None);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _coordinator.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private IEnumerable<string> Kvmctl(string[] arguments) => [$"KVMCTL_CONFIG={Login}", "dotnet", Path.Combine(AppContext.BaseDirectory, "kvmctl.dll"), .. arguments];
}

/// <summary>A test that needs a cluster with KubeVirt, which cannot be had in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealKubeVirtFactAttribute : FactAttribute
{
    public RealKubeVirtFactAttribute()
    {
        if (RealKubeVirt.Kubeconfig is null)
        {
            Skip = "KVM_TEST_KUBEVIRT_KUBECONFIG names no cluster that runs KubeVirt";
        }
    }
}
