using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Tests.Faults;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.Coordinator.Bench;

/// <summary>An API server with a node of fake agents, and when what happened to each machine, by its name.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    public const string Namespace = "shop", User = "coordinator";

    private Fleet(TestApiServer server)
    {
        (Server, Node) = (server, new FakeNode(server) { LookEvery = TimeSpan.FromMinutes(10), Step = TimeSpan.FromMilliseconds(50) });
        server.Changed += Look;
    }

    public TestApiServer Server { get; }

    public FakeNode Node { get; }

    public ConcurrentDictionary<string, long> Created { get; } = [];

    public ConcurrentDictionary<string, long> PodMade { get; } = [];

    /// <summary>When the instance's status said Running.</summary>
    public ConcurrentDictionary<string, long> Running { get; } = [];

    /// <summary>When the instance's status said Paused.</summary>
    public ConcurrentDictionary<string, long> Paused { get; } = [];

    /// <summary>Where agents dial.</summary>
    public Uri? Agents { get; set; }

    public static async Task<Fleet> StartAsync()
    {
        var rules = CustomResourceDefinitions.All.SelectMany(static d => Rules(d)).Distinct()
            .ToDictionary(static r => r, static _ => (Func<JsonNode, JsonNode?, bool>)((_, _) => true));
        var server = await TestApiServer.StartAsync(new TestApiServerOptions { CelRules = rules, Namespaces = [Namespace, "kvm-system", "kube-system"], WatchHistory = 50_000 });
        await server.ApplyCrdsAsync(string.Join("---\n", CustomResourceDefinitions.All.Select(static d => YamlText.Of(d))));
        server.AddUser(User, User, "system:masters");
        using var authority = new TestAuthority("front-proxy-ca");
        server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = authority.Pem },
        });
        foreach (var version in new[] { "v1", "v1alpha3" })
        {
            server.Create(Read($$"""
                apiVersion: apiregistration.k8s.io/v1
                kind: APIService
                metadata: {name: {{version}}.subresources.kubevirt.io}
                spec: {group: subresources.kubevirt.io, version: {{version}}, groupPriorityMinimum: 1000, versionPriority: 15, service: {name: bench, namespace: kvm-system} }
                """));
        }

        var fleet = new Fleet(server);
        fleet.Node.Coordinators[fleet] = (agent, cancel) => fleet.Agents is { } agents ? agent.LinkAsync(agents, cancel) : throw new IOException("nobody is there");
        return fleet;
    }

    public void Create(string name)
    {
        // Each with a claim, as machines have.
        Server.Create(Read($"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {name}, namespace: {Namespace}}}, spec: {{accessModes: [ReadWriteOnce], volumeMode: Block}}, status: {{phase: Bound}}}}"));
        Server.Create(Read(
            $$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: {{name}}, namespace: {{Namespace}}, labels: {app: {{name}} } }
            spec:
              runStrategy: Always
              template:
                metadata: {labels: {app: {{name}} } }
                spec:
                  domain:
                    cpu: {cores: 2}
                    memory: {guest: 1Gi}
                    devices: {disks: [{name: root, disk: {bus: virtio} }, {name: init, disk: {bus: virtio} }], interfaces: [{name: default, masquerade: {} }] }
                  networks: [{name: default, pod: {} }]
                  volumes: [{name: root, persistentVolumeClaim: {claimName: {{name}} } }, {name: init, cloudInitNoCloud: {userData: "#cloud-config"} }]
            """));
    }

    public FakePod PodOf(string name) => Node.Pods.First(p => p.Machine == $"{Namespace}/{name}");

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await Server.DisposeAsync();
    }

    /// <summary>Waits until each pod's agent has its one link.</summary>
    public Task LinkedAsync() => UntilAsync(() => Unlinked.Count == 0, () => $"not all agents are linked: {string.Join(", ", Unlinked.Take(10))}");

    public static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, () => what);

    private static async Task UntilAsync(Func<bool> holds, Func<string> what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            if (TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromMinutes(10))
            {
                throw new TimeoutException(what());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    private List<string> Unlinked =>
        [.. Node.Pods.Where(static p => p.Agent.Links != 1).Select(static p => $"{p.Machine} ({p.Uid}) has {p.Agent.Links} in phase {p.Agent.Report.Status.Phase}")];

    private void Look(ObjectChange change)
    {
        var now = TimeProvider.System.GetTimestamp();
        var name = (string)change.Object["metadata"]!["name"]!;
        if (change.Plural == "virtualmachines")
        {
            Created.TryAdd(name, now);
        }
        else if (change.Plural == "pods")
        {
            PodMade.TryAdd(FakeNode.MachineOf(change.Object).Split('/')[1], now);
        }
        else if (change.Plural == "virtualmachineinstances" && (string?)change.Object["status"]?["phase"] == "Running")
        {
            Running.TryAdd(name, now);
            if (change.Object["status"]!["conditions"]!.AsArray().Any(static c => (string?)c!["type"] == "Paused"))
            {
                Paused.TryAdd(name, now);
            }
        }
    }

    private static JsonObject Read(string yaml) => Yaml.Documents(yaml).Single().AsObject();

    private static IEnumerable<string> Rules(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(static e => e.Key == "x-kubernetes-validations" ? e.Value!.AsArray().Select(static r => (string)r!["rule"]!) : Rules(e.Value)),
        JsonArray list => list.SelectMany(Rules),
        _ => [],
    };
}
