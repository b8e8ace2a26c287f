using System.Net;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>An API server with a node of fake agents, for any number of coordinators. It ends well only where no machine ever had two pods.</summary>
internal sealed class FaultCluster : IAsyncDisposable
{
    public const string Namespace = "shop", SystemNamespace = "kvm-system";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TimeProvider _time;
    private readonly PodWatch _watch;
    private readonly List<IAsyncDisposable> _coordinators = [];

    private FaultCluster(TestApiServer server, TestAuthority authority, TimeProvider time)
    {
        (Server, FrontProxy, _time, _watch) = (server, authority, time, new PodWatch(server));
        Node = new FakeNode(server);
        Admin = new KubernetesClient(KubernetesConnection.To(server.Address, server.Token, authorities: server.CertificateAuthority), TimeProvider.System);
    }

    public TestApiServer Server { get; }

    /// <summary>Whom coordinators believe.</summary>
    public TestAuthority FrontProxy { get; }

    public FakeNode Node { get; }

    /// <summary>For what people do. The faults that tests plan are those of coordinators.</summary>
    public KubernetesClient Admin { get; }

    /// <param name="time">Of server and coordinators.</param>
    /// <param name="https">For clients that take nothing else.</param>
    public static async Task<FaultCluster> StartAsync(TimeProvider? time = null, bool https = false)
    {
        time ??= TimeProvider.System;
        var authority = new TestAuthority("front-proxy-ca");
        var server = await TestApiServer.StartAsync(new TestApiServerOptions { CelRules = AnyRule(), Namespaces = [Namespace, SystemNamespace, "kube-system"], TimeProvider = time, Https = https });
        await server.ApplyCrdsAsync(string.Join("---\n", CustomResourceDefinitions.All.Select(static d => YamlText.Of(d))));
        server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = authority.Pem },
        });
        return new FaultCluster(server, authority, time);
    }

    /// <summary>The whole coordinator, as the program runs it.</summary>
    /// <param name="token">Its name, as the server sees it.</param>
    /// <param name="api">Where the API server finds it.</param>
    /// <param name="replicas">The addresses behind the name that agents dial.</param>
    /// <param name="logs">Null: nobody reads them.</param>
    /// <param name="database">Where jobs are kept: a file of SQLite's, or one that says where PostgreSQL is; null: nowhere.</param>
    public async Task<RunningCoordinator> CoordinateAsync(
        string token = "coordinator", TimeProvider? time = null, IPEndPoint? api = null, IPAddress[]? replicas = null, ILoggerFactory? logs = null, TestDatabase? database = null)
    {
        Server.AddUser(token, token, "system:masters");
        var settings = new CoordinatorSettings
        {
            ListenAgents = new IPEndPoint(IPAddress.Loopback, 0),
            ListenApi = api ?? new IPEndPoint(IPAddress.Loopback, 0),
            ListenHealth = new IPEndPoint(IPAddress.Loopback, 0),
            ListenManagement = new IPEndPoint(IPAddress.Loopback, 0),
            ListenUploads = new IPEndPoint(IPAddress.Loopback, 0),
            Namespace = SystemNamespace,
            Identity = token,
            TlsSecret = "tls",
            TlsNames = ["coordinator.test", "127.0.0.1", $"kvm-coordinator.{SystemNamespace}.svc"],
            Machines = Given.Options(null),
            AgentUrl = "https://coordinator.test:8443",
            Audience = FakeNode.Audience,
            DatabaseFile = (database as SqliteDatabase)?.Path,
            DatabaseConnectionFile = (database as PostgresDatabase)?.Secret,
            // Where tests' clusters are; 127.0.0.2 stands for what is refused.
            ProviderAllowAddresses = [IPNetwork.Parse("127.0.0.1/32")],
        };
        var coordinator = new ClusterCoordinator(settings, KubernetesConnection.To(Server.Address, token, authorities: Server.CertificateAuthority), time ?? _time, logs ?? NullLoggerFactory.Instance, (_, _) => Task.FromResult(replicas ?? []));
        await coordinator.StartAsync(CancellationToken.None);
        return Add(new RunningCoordinator(coordinator, Node));
    }

    /// <param name="leads">Whether it realises machines at once.</param>
    public Replica Replicate(string token = "replica", bool leads = true) => Add(Replica.Start(Node, token, leads));

    public T Add<T>(T coordinator)
        where T : IAsyncDisposable
    {
        lock (_coordinators)
        {
            _coordinators.Add(coordinator);
        }

        return coordinator;
    }

    public void Apply(string name, string strategy = "Always") => Server.Create(Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: {{name}}, namespace: {{Namespace}} }
        spec:
          runStrategy: {{strategy}}
          template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
        """).Single().AsObject());

    /// <summary>As charts/kvm-agent has it made.</summary>
    /// <param name="domain">What it asks its instance to be called; null: it says nothing.</param>
    /// <returns>Its UID.</returns>
    public string CreateLinkedPod(string name, string? domain = null) => (string)Server.Create(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = Namespace,
            ["labels"] = new JsonObject { [MachineLabels.Linked] = "true" },
            ["annotations"] = domain is null ? null : new JsonObject { [MachineLabels.Domain] = domain },
        },
        ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "vm", ["image"] = "agent" }) },
    })["metadata"]!["uid"]!;

    public JsonObject? Machine(string name) => Server.Get("kubevirt.io", "virtualmachines", Namespace, name);

    public JsonObject? Instance(string name) => Server.Get("kubevirt.io", "virtualmachineinstances", Namespace, name);

    public IReadOnlyList<JsonObject> Pods(string name) => [.. Server.All("", "pods", Namespace).Where(p => FakeNode.MachineOf(p) == $"{Namespace}/{name}")];

    public FakePod PodOf(string name) => Node.Find((string)Pods(name).Single()["metadata"]!["uid"]!)!;

    public string? Uid(string name) => (string?)Instance(name)?["metadata"]?["uid"];

    public static JsonNode? Condition(JsonObject? obj, string type) =>
        obj?["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == type);

    /// <summary>All of them run, each with one pod that is its instance's, and say so.</summary>
    /// <param name="not">UIDs of instances that were before.</param>
    public Task RunningAsync(string name, params string?[] not) => UntilAsync(
        () => (string?)Machine(name)?["status"]?["printableStatus"] == "Running" && (bool?)Machine(name)?["status"]?["ready"] == true
            && (string?)Instance(name)?["status"]?["phase"] == "Running" && !not.Contains(Uid(name)) && Node.IsRunning($"{Namespace}/{name}")
            && Pods(name) is [var pod] && Instance(name)!["status"]!["activePods"]!.AsObject().Single().Key == (string?)pod["metadata"]!["uid"],
        () => $"{name} does not run: {Describe(name)}");

    public Task StoppedAsync(string name) => UntilAsync(
        () => (string?)Machine(name)?["status"]?["printableStatus"] == "Stopped" && Instance(name) is null && Pods(name).Count == 0 && !Node.IsRunning($"{Namespace}/{name}"),
        () => $"{name} does not stop: {Describe(name)}");

    /// <summary>An instance of the name shows the pod, and its guest runs.</summary>
    public Task ShownAsync(string name, string pod) => UntilAsync(
        () => (string?)Instance(name)?["status"]?["phase"] == "Running" && (string?)Condition(Instance(name), "Ready")?["status"] == "True"
            && Instance(name)!["status"]!["activePods"]!.AsObject().Select(static p => p.Key).SequenceEqual([pod]),
        () => $"{name} does not show pod {pod}: {Describe(name)}");

    /// <summary>Nothing of it is left.</summary>
    public Task GoneAsync(string name) => UntilAsync(
        () => Machine(name) is null && Instance(name) is null && Pods(name).Count == 0 && Server.All("", "configmaps", Namespace).Count == 0,
        () => $"something of {name} is left: {Describe(name)} {string.Join(' ', Server.All("", "configmaps", Namespace).Select(static c => c["metadata"]!["name"]))}");

    public Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, () => what);

    public async Task UntilAsync(Func<bool> holds, Func<string> what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            TimeProvider.System.GetElapsedTime(began).ShouldBeLessThan(Patience, what());
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        Safe();
    }

    /// <summary>No machine has had two pods or two guests so far.</summary>
    public void Safe() => _watch.Violations.Concat(Node.Violations).ShouldBeEmpty();

    public void Strategy(string name, string strategy) =>
        Server.Update("kubevirt.io", "virtualmachines", Namespace, name, vm => vm["spec"]!["runStrategy"] = strategy);

    /// <summary>As virtctl restart asks for it.</summary>
    public Task RestartAsync(string name) => Admin.MergePatchAsync(
        Kinds.VirtualMachines, Namespace, name,
        JsonNode.Parse($$$"""{"status":{"stateChangeRequests":[{"action":"Stop","uid":"{{{Uid(name)}}}"},{"action":"Start"}]}}""")!, "status", CancellationToken.None);

    public void Delete(string name, string plural = "virtualmachines", string? policy = "Background") => Server.Delete("kubevirt.io", plural, Namespace, name, policy);

    public async ValueTask DisposeAsync()
    {
        foreach (var coordinator in _coordinators)
        {
            await coordinator.DisposeAsync();
        }

        await Node.DisposeAsync();
        Admin.Dispose();
        await Server.DisposeAsync();
        Safe();
    }

    private string Describe(string name) =>
        $"{Machine(name)?["status"]}\n{Instance(name)?["metadata"]} {Instance(name)?["status"]}\n{string.Join('\n', Pods(name).Select(static p => $"{p["metadata"]} {p["status"]}"))}";

    /// <summary>What rules mean is proved by a real API server.</summary>
    private static Dictionary<string, Func<JsonNode, JsonNode?, bool>> AnyRule() => CustomResourceDefinitions.All
        .SelectMany(static d => Rules(d)).Distinct().ToDictionary(static r => r, static _ => (Func<JsonNode, JsonNode?, bool>)((_, _) => true));

    private static IEnumerable<string> Rules(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e.Key == "x-kubernetes-validations" ? e.Value!.AsArray().Select(static r => (string)r!["rule"]!) : Rules(e.Value)),
        JsonArray list => list.SelectMany(Rules),
        _ => [],
    };
}
