using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Processes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// A cluster: an API server of the tests' own, the real coordinator as a process, and a node whose pods are real agents with real guests.
/// What the front proxy does, <see cref="FrontProxyClient"/> does.
/// </summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "kvm-coordinator.dll");

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-cluster-").FullName;
    private readonly List<IAsyncDisposable> _parts = [];

    public TestApiServer Server { get; private set; } = null!;

    public KubernetesClient Client { get; private set; } = null!;

    public ClusterNode Node { get; private set; } = null!;

    public FrontProxyClient Api { get; private set; } = null!;

    public Background Coordinator { get; private set; } = null!;

    public NodeStorage Storage { get; private set; } = null!;

    public static async Task<TestCluster> StartAsync()
    {
        var cluster = new TestCluster();
        try
        {
            await cluster.StartPartsAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A claim whose volume has the test guest's disk.</summary>
    public async Task CreateGuestClaimAsync(string name)
    {
        var volume = Storage.Claim("default", name);
        await ProcessRunner.RunAsync("qemu-img", ["convert", "-O", "raw", await TestGuest.ImageAsync(), Path.Combine(volume, "disk.img")], limit: TimeSpan.FromMinutes(2));
        Server.Create(JsonNode.Parse($$"""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"{{name}}","namespace":"default"},
             "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"} } } }
            """)!.AsObject());
        Server.SetStatus("", "persistentvolumeclaims", "default", name, new JsonObject { ["phase"] = "Bound" });
    }

    public Task<VirtualMachine> CreateAsync(VirtualMachine vm) => Client.CreateAsync(Kinds.VirtualMachines, vm, CancellationToken.None);

    public Task<VirtualMachine> MachineAsync(string name) => Client.GetAsync(Kinds.VirtualMachines, "default", name, CancellationToken.None);

    public Task<VirtualMachineInstance?> InstanceAsync(string name) => Client.FindAsync(Kinds.VirtualMachineInstances, "default", name, CancellationToken.None);

    /// <summary>Waits until <c>kubectl get vm</c> would say so.</summary>
    public async Task PrintsAsync(string name, string printableStatus)
    {
        try
        {
            await Until.TrueAsync(async () => (await MachineAsync(name)).Status?.PrintableStatus == printableStatus, AgentProcess.Patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{e.Message}: {name} did not become {printableStatus}; it is\n{Server.Get("kubevirt.io", "virtualmachines", "default", name)}\n"
                + $"{Server.Get("kubevirt.io", "virtualmachineinstances", "default", name)}\n{string.Join('\n', Server.All("", "pods").Select(static p => p.ToString()))}\n"
                + $"the coordinator said:\n{string.Join('\n', Coordinator.Lines)}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        var failures = new List<Exception>();
        foreach (var part in Enumerable.Reverse(_parts))
        {
            try
            {
                await part.DisposeAsync();
            }
            catch (Exception e)
            {
                // The others must end all the same.
                failures.Add(e);
            }
        }

        Client?.Dispose();
        Directory.Delete(_directory, recursive: true);
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task StartPartsAsync()
    {
        Server = Add(await TestApiServer.StartAsync(new TestApiServerOptions { CelRules = AnyRule() }));
        await Server.ApplyCrdsAsync(string.Concat(CustomResourceDefinitions.All.Select(static d => $"---\n{YamlText.Of(d)}")));
        Server.CreateNamespace("kvm-system");
        Server.Create(JsonNode.Parse("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"default"}}""")!.AsObject());
        Api = FrontProxyClient.Create(Server);
        foreach (var version in new[] { "v1", "v1alpha3" })
        {
            Server.Create(JsonNode.Parse($$"""
                {"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"{{version}}.subresources.kubevirt.io"},
                 "spec":{"group":"subresources.kubevirt.io","version":"{{version}}","groupPriorityMinimum":1000,"versionPriority":15,
                 "service":{"name":"kvm-coordinator","namespace":"kvm-system"} } }
                """)!.AsObject());
        }

        var connection = KubernetesConnection.To(Server.Address, Server.Token, "default");
        Client = new KubernetesClient(connection, TimeProvider.System);
        await StartCoordinatorAsync();
        Storage = new NodeStorage(Client, Server.Address, Server.Token, _directory) { CoordinatorSocket = Path.Combine(_directory, "coordinator.sock") };
        Node = Add(new ClusterNode(Client, Storage));
    }

    private async Task StartCoordinatorAsync()
    {
        var kubeconfig = Path.Combine(_directory, "kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, Server.Kubeconfig);
        var environment = new Dictionary<string, string>
        {
            ["KUBECONFIG"] = kubeconfig,
            ["POD_NAMESPACE"] = "kvm-system",
            ["AGENT_IMAGE"] = await AgentImage.NameAsync(),
            ["AGENT_IMAGE_PULL_POLICY"] = "Never",
            ["AGENT_URL"] = $"https://{PodNamespace.Client}:8443",
            ["TLS_NAMES"] = FrontProxyClient.ServerName,
            ["LISTEN_AGENTS"] = "127.0.0.1:0",
            ["LISTEN_API"] = "127.0.0.1:0",
            ["LISTEN_HEALTH"] = "127.0.0.1:0",
            ["LOG_LEVEL"] = "debug",
        };
        Coordinator = Add(Background.Start("env", [.. environment.Select(static e => $"{e.Key}={e.Value}"), "dotnet", Program, "serve"]));
        var line = await Coordinator.WaitForLineAsync("listens at");
        var ports = line.Split("listens at ")[1].Split(" (")[0].Split(", ").Select(static e => e.Split(':')[1]).ToArray();
        Api.EndPoint = new IPEndPoint(IPAddress.Loopback, int.Parse(ports[1], CultureInfo.InvariantCulture));
        var relay = Add(Background.Start("socat", ["-dd", $"UNIX-LISTEN:{Path.Combine(_directory, "coordinator.sock")},fork", $"TCP4:127.0.0.1:{ports[0]}"]));
        await relay.WaitForLineAsync("listening on");
    }

    /// <summary>Rules are proved by a real API server.</summary>
    private static Dictionary<string, Func<JsonNode, JsonNode?, bool>> AnyRule() => CustomResourceDefinitions.All
        .SelectMany(static d => Rules(d)).Distinct().ToDictionary(static r => r, static _ => (Func<JsonNode, JsonNode?, bool>)((_, _) => true));

    private static IEnumerable<string> Rules(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e.Key == "x-kubernetes-validations"
            ? e.Value!.AsArray().Select(static r => (string)r!["rule"]!)
            : Rules(e.Value)),
        JsonArray list => list.SelectMany(Rules),
        _ => [],
    };

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
