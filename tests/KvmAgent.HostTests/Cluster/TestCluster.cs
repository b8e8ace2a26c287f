using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Imports;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Imports;
using KvmAgent.HostTests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;
using KvmAgent.Processes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// A cluster of an API server, whichever it is, with the real coordinator as a process and a node whose pods are real agents with real
/// guests. Nothing in it knows the server but by its API.
/// </summary>
internal sealed class TestCluster : IAsyncDisposable
{
    public const string Namespace = "default", SystemNamespace = "kvm-system", ServiceName = "kvm-coordinator";

    /// <summary>Where people are told to send images; nobody is there.</summary>
    public const string UploadUrl = "https://upload.example.com";

    private const int AgentPort = 8443;

    /// <summary>Where agents dial the coordinator.</summary>
    public static readonly string AgentUrl = $"https://{PodNamespace.Client}:{AgentPort}";

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "kvm-coordinator.dll");

    private static readonly ResourceKind<RawObject> ApiServices = RawObjects.Kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced: false);

    private static readonly (string Version, string Group)[] Apis = [("v1", "subresources.kubevirt.io"), ("v1alpha3", "subresources.kubevirt.io"), ("v1beta1", "upload.cdi.kubevirt.io")];

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmtest-cluster-").FullName;
    private readonly List<IAsyncDisposable> _parts = [];

    private TestCluster(string kubeconfig)
    {
        Kubeconfig = Path.Combine(_directory, "kubeconfig");
        File.WriteAllText(Kubeconfig, kubeconfig);
        Client = new KubernetesClient(KubernetesConnection.FromKubeconfig(new KubeconfigOptions { Paths = [Kubeconfig] }), TimeProvider.System);
        Storage = new NodeStorage(Client, _directory);
    }

    public string Kubeconfig { get; }

    public KubernetesClient Client { get; }

    public NodeStorage Storage { get; }

    public ClusterNode Node { get; private set; } = null!;

    public Background Coordinator { get; private set; } = null!;

    /// <summary>Where the coordinator listens for agents, on loopback.</summary>
    public int AgentsPort { get; private set; }

    /// <summary>Where the coordinator listens for the API server.</summary>
    public int ApiPort { get; private set; }

    /// <summary>Where people find the coordinator.</summary>
    public Uri Management { get; private set; } = null!;

    /// <summary>Where images are sent.</summary>
    public int UploadPort { get; private set; }

    /// <summary>CRDs, APIServices, the coordinator and a node, on a server that has none of them, or had those of a test before.</summary>
    /// <param name="kubeconfig">The text of an administrator's.</param>
    /// <param name="agentImage">Where it is not the usual one.</param>
    /// <param name="importers">The server, where importers are to be processes on loopback: pods of the node reach nothing of one another. Null: they are pods of the node.</param>
    public static async Task<TestCluster> StartAsync(string kubeconfig, string? agentImage = null, TestApiServer? importers = null)
    {
        var cluster = new TestCluster(kubeconfig);
        try
        {
            await cluster.InstallAsync();
            await cluster.StartCoordinatorAsync(agentImage ?? await AgentImage.NameAsync());
            if (importers is not null)
            {
                cluster.Add(new ImportNode(importers, static pod => (string?)pod["metadata"]!["labels"]?[ImportAnnotations.AppLabel] == ImportAnnotations.App, cluster.Storage.Claim)
                {
                    Coordinator = $"https://127.0.0.1:{cluster.AgentsPort}",
                });
            }

            cluster.Node = cluster.Add(new ClusterNode(
                cluster.Client, cluster.Storage, importers is null ? null : static pod => pod.Metadata.Label(ImportAnnotations.AppLabel) != ImportAnnotations.App));
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
        await ProcessRunner.RunAsync(
            "qemu-img", ["convert", "-O", "raw", await TestGuest.ImageAsync(), Path.Combine(Storage.Claim(Namespace, name), "disk.img")], limit: TimeSpan.FromMinutes(2));
        await CreateClaimAsync(name);
    }

    /// <summary>A claim that is bound, to whatever is in its directory.</summary>
    public async Task CreateClaimAsync(string name)
    {
        await Client.CreateAsync(RawObjects.Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"), $$"""
            {"metadata":{"name":"{{name}}","namespace":"{{Namespace}}"},
             "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"} } } }
            """);
        await Storage.BindClaimAsync(Namespace, name);
    }

    /// <summary>What listens on loopback is reached by pods that start from now on, at the client's address and this port.</summary>
    public async Task OfferAsync(int port, int loopbackPort)
    {
        var socket = Path.Combine(_directory, $"{port}.sock");
        var relay = Add(Background.Start("socat", ["-dd", $"UNIX-LISTEN:{socket},fork", $"TCP4:127.0.0.1:{loopbackPort}"]));
        await relay.WaitForLineAsync("listening on");
        Storage.Reachable.Add(port, socket);
    }

    public Task<VirtualMachine> MachineAsync(string name) => Client.GetAsync(Kinds.VirtualMachines, Namespace, name, CancellationToken.None);

    public Task<VirtualMachineInstance?> InstanceAsync(string name) => Client.FindAsync(Kinds.VirtualMachineInstances, Namespace, name, CancellationToken.None);

    /// <summary>Waits until <c>kubectl get vm</c> would say so.</summary>
    public Task PrintsAsync(string name, string printableStatus) =>
        UntilAsync(name, async () => (await MachineAsync(name)).Status?.PrintableStatus == printableStatus, $"become {printableStatus}");

    /// <summary>Waits until the instance, or its absence, is as expected.</summary>
    public Task InstanceIsAsync(string name, Func<VirtualMachineInstance?, bool> expected, [CallerArgumentExpression(nameof(expected))] string what = "") =>
        UntilAsync(name, async () => expected(await InstanceAsync(name)), $"come to {what}");

    private async Task UntilAsync(string name, Func<Task<bool>> holds, string what)
    {
        try
        {
            await Until.TrueAsync(holds, AgentProcess.Patience);
        }
        catch (TimeoutException e)
        {
            var pods = await Client.ListAsync(RawObjects.Kind("", "v1", "pods", "Pod"), Namespace, null, CancellationToken.None);
            throw new TimeoutException(
                $"{name} did not {what}; it is\n{await RawAsync("virtualmachines", name)}\n{await RawAsync("virtualmachineinstances", name)}\n"
                + $"{string.Join('\n', pods.Items.Select(static p => p.ToJson().ToString()))}\nthe coordinator said:\n{string.Join('\n', Coordinator.Lines)}", e);
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

        Client.Dispose();
        Directory.Delete(_directory, recursive: true);
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task InstallAsync()
    {
        // Of a coordinator before this one, which listened elsewhere.
        foreach (var (version, group) in Apis)
        {
            await Client.DeleteIfThereAsync(ApiServices, null, $"{version}.{group}", null, CancellationToken.None);
        }

        var definitions = RawObjects.Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced: false);
        foreach (var definition in CustomResourceDefinitions.All)
        {
            await Client.EnsureAsync(definitions, definition.ToJsonString());
        }

        await Until.TrueAsync(async () =>
        {
            var all = await Client.ListAsync(definitions, null, null, CancellationToken.None);
            return all.Items.All(static d => d.ToJson()["status"]?["conditions"]?.AsArray().Any(static c => (string?)c?["type"] == "Established" && (string?)c["status"] == "True") == true);
        });
        await Client.EnsureAsync(RawObjects.Kind("", "v1", "namespaces", "Namespace", namespaced: false), $$"""{"metadata":{"name":"{{SystemNamespace}}"} }""");
        // Where there is no proxy for Services, an API server reaches an aggregated API by a name.
        await Client.EnsureAsync(
            RawObjects.Kind("", "v1", "services", "Service"),
            $$"""{"metadata":{"name":"{{ServiceName}}","namespace":"{{SystemNamespace}}"},"spec":{"type":"ExternalName","externalName":"localhost"} }""");
    }

    private async Task StartCoordinatorAsync(string agentImage)
    {
        var environment = new Dictionary<string, string>
        {
            ["KUBECONFIG"] = Kubeconfig,
            ["POD_NAMESPACE"] = SystemNamespace,
            ["AGENT_IMAGE"] = agentImage,
            ["AGENT_IMAGE_PULL_POLICY"] = "Never",
            ["AGENT_URL"] = AgentUrl,
            ["TLS_NAMES"] = $"{ServiceName}.{SystemNamespace}.svc,127.0.0.1",
            ["DATABASE_FILE"] = Path.Combine(_directory, "records.db"),
            ["LISTEN_AGENTS"] = "127.0.0.1:0",
            ["LISTEN_API"] = "127.0.0.1:0",
            ["LISTEN_HEALTH"] = "127.0.0.1:0",
            ["LISTEN_MANAGEMENT"] = "127.0.0.1:0",
            // Where a second cluster is.
            ["PROVIDER_ALLOW_ADDRESS"] = "127.0.0.1",
            ["UPLOAD_URL"] = UploadUrl,
            ["LISTEN_UPLOADS"] = "127.0.0.1:0",
            ["LOG_LEVEL"] = "debug",
        };
        Coordinator = Add(Background.Start("env", [.. environment.Select(static e => $"{e.Key}={e.Value}"), "dotnet", Program, "serve"]));
        var line = await Coordinator.WaitForLineAsync("listens at");
        var ports = line.Split("listens at ")[1].Split(" (")[0].Split(", ").Select(static e => int.Parse(e.Split(':')[1], CultureInfo.InvariantCulture)).ToArray();
        (AgentsPort, ApiPort, Management, UploadPort) = (ports[0], ports[1], new Uri($"https://127.0.0.1:{ports[3]}"), ports[4]);
        await RegisterAsync();
        await OfferAsync(AgentPort, ports[0]);
    }

    /// <summary>The APIServices, whose caBundle the coordinator then sets.</summary>
    private async Task RegisterAsync()
    {
        foreach (var (version, group) in Apis)
        {
            await Client.CreateAsync(ApiServices, $$"""
                {"metadata":{"name":"{{version}}.{{group}}"},
                 "spec":{"group":"{{group}}","version":"{{version}}","groupPriorityMinimum":1000,"versionPriority":15,
                 "service":{"name":"{{ServiceName}}","namespace":"{{SystemNamespace}}","port":{{ApiPort}} } } }
                """);
            await Coordinator.WaitForLineAsync($"APIService {version}.{group} has the coordinator's authority now");
        }
    }

    private async Task<JsonObject?> RawAsync(string plural, string name) =>
        (await Client.FindAsync(RawObjects.Kind("kubevirt.io", "v1", plural, ""), Namespace, name, CancellationToken.None))?.ToJson();

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
