using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Certificates;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Charts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>The coordinator, with the rights that the chart gives it and no others, does all that it does; and each of them is needed.</summary>
public sealed class RightsTests
{
    private const string Token = "coordinator", Machines = "machines", Other = "other", Group = "kubevirt.io";

    /// <summary>What the test's server does not ask for, or what is not the coordinator's to do in a test.</summary>
    private static readonly Dictionary<string, string> NotSeenHere = new()
    {
        ["update virtualmachines/finalizers.kubevirt.io"] = "asked by admission where OwnerReferencesPermissionEnforcement is on",
        ["update virtualmachineinstances/finalizers.kubevirt.io"] = "likewise",
        ["update persistentvolumeclaims/finalizers"] = "likewise",
        ["update datavolumes/finalizers.cdi.kubevirt.io"] = "likewise",
        ["update dataimportcrons/finalizers.cdi.kubevirt.io"] = "likewise",
        ["list configmaps extension-apiserver-authentication in kube-system"] = "of a role that is the cluster's own",
        ["watch configmaps extension-apiserver-authentication in kube-system"] = "likewise",
    };

    [HelmTheory]
    [InlineData("[]", false)]
    [InlineData("[]", true)]
    [InlineData($"[\"{Machines}\"]", false)]
    [InlineData($"[\"{Machines}\",\"{Other}\"]", true)]
    public async Task It_may_do_what_it_does_and_nothing_more(string watched, bool hasDatabase)
    {
        await using var database = TestDatabase.OfFile();
        var recorded = hasDatabase ? "database.type=sqlite,database.sqlite.size=1Gi,replicas=1" : "database.type=";
        var yaml = await Helm.TemplateAsync("--set-json", $"watchNamespaces={watched}", "--set", "imports.uploadUrl=https://upload.example.com", "--set", recorded);
        var chart = new RenderedChart(yaml);
        var rules = new RbacRules(chart.Objects.Append(AuthenticationReader()), Helm.Namespace, FullName);
        await using var server = await StartAsync(yaml);
        server.AddUser(Token, $"system:serviceaccount:{Helm.Namespace}:{FullName}", rules.Allows);
        var environment = EnvironmentOf(chart);
        foreach (var listener in new[] { Setting.ListenAgents, Setting.ListenApi, Setting.ListenManagement, Setting.ListenHealth, Setting.ListenUploads })
        {
            environment[listener.Name] = "127.0.0.1:0";
        }

        var settings = SettingsReader.Read(environment, null, "host") with { DatabaseFile = hasDatabase ? ((SqliteDatabase)database).Path : null };
        var connection = KubernetesConnection.To(server.Address, Token);
        using var client = new KubernetesClient(connection, TimeProvider.System);
        using (var stop = new CancellationTokenSource())
        {
            await using var coordinator = new ClusterCoordinator(settings, connection, TimeProvider.System, NullLoggerFactory.Instance);
            await coordinator.StartAsync(CancellationToken.None);
            var running = coordinator.RunAsync(stop.Token);
            try
            {
                await LiveAsync(server, client);
                await AskAsync(client, settings);
                await Until.TrueAsync(() => server.All("apiregistration.k8s.io", "apiservices").All(static a => a["spec"]!["caBundle"] is not null)
                    && server.Get("cdi.kubevirt.io", "cdiconfigs", "", "config")?["status"] is not null);
            }
            catch (TimeoutException) when (rules.Refused.Count > 0)
            {
                // What is forbidden does not come true; the list below says what it was.
            }
            finally
            {
                await stop.CancelAsync();
                await running;
            }
        }

        rules.Refused.ShouldBeEmpty();
        var scope = watched == "[]" ? "" : $" in {Machines}";
        rules.Unused.Where(static u => !u.EndsWith($" in {Other}", StringComparison.Ordinal)).ShouldBe(NotSeenHere.Keys.Select(k => k.StartsWith("update ", StringComparison.Ordinal) ? k + scope : k), ignoreOrder: true);
    }

    /// <summary>A machine starts, with a ConfigMap that was made already, is stopped in haste, starts again and loses its pod; a chart VM comes and goes.</summary>
    private static async Task LiveAsync(TestApiServer server, KubernetesClient client)
    {
        server.Faults.Add(static r => r.Method == "POST" && r.Path.Value!.EndsWith("/configmaps", StringComparison.Ordinal), new Fault { Drop = Drop.After });
        server.Create(Yaml.Documents(
            $$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: {{Machines}}}
            spec:
              runStrategy: Always
              template:
                spec:
                  domain: {memory: {guest: 256Mi}, devices: {disks: [{name: root, disk: {bus: virtio} }]} }
                  volumes: [{name: root, emptyDisk: {capacity: 1Gi} }]
            """).Single().AsObject());
        await Until.TrueAsync(() => server.All("", "pods").Count == 1 && Status(server)?["printableStatus"] is not null);
        var uid = Instance(server)!["metadata"]!["uid"]!.ToString();

        server.Create(Yaml.Documents(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: {name: golden, namespace: {{Machines}}, labels: {cdi.kubevirt.io/dataImportCron: nightly} }
            spec:
              source: {http: {url: "https://example.com/disk.img"} }
              storage: {}
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("", "pods", Machines, "inspector-golden") is not null);
        server.SetStatus("", "pods", Machines, "inspector-golden", Yaml.Documents(
            """
            phase: Succeeded
            containerStatuses: [{name: importer, state: {terminated: {exitCode: 0, message: '{"message":"Inspected","reason":"Complete","exitCode":0,"virtualSize":1048576}'} } }]
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("cdi.kubevirt.io", "datavolumes", Machines, "golden")!["status"]?["phase"]?.ToString() == "ImportScheduled");
        server.Create(Yaml.Documents(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataSource
            metadata: {name: golden, namespace: {{Machines}}, labels: {cdi.kubevirt.io/dataImportCron: nightly} }
            spec: {source: {pvc: {name: golden} } }
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("cdi.kubevirt.io", "datasources", Machines, "golden")!["status"] is not null);
        await ImportNightlyAsync(server);
        await Until.TrueAsync(() => server.Get("", "pods", Machines, "importer-golden") is null);

        foreach (var claim in Yaml.Documents(
            $$"""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: original, namespace: {{Machines}}}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi} } }
            status: {phase: Bound}
            ---
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: copy, namespace: {{Machines}}, annotations: {k8s.io/CloneRequest: {{Machines}}/original} }
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi} } }
            """))
        {
            server.Create(claim.AsObject());
        }

        await SnapshotAsync(server);
        await Until.TrueAsync(() => server.All("", "secrets", Machines).Count == 1);
        server.Delete("", "persistentvolumeclaims", Machines, "copy");
        await Until.TrueAsync(() => server.All("", "pods").All(static p => (string?)p["metadata"]!["labels"]?[ImporterPod.KindLabel] != CloneSourcePod.Kind));

        server.Create(Yaml.Documents(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: {name: stranger, namespace: {{Machines}}}
            spec: {source: {blank: {} }, pvc: {accessModes: [ReadWriteOnce]} }
            """).Single().AsObject());
        server.Create(Yaml.Documents(
            $$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: disks, namespace: {{Machines}}}
            spec:
              runStrategy: Halted
              dataVolumeTemplates:
                - {metadata: {name: own}, spec: {source: {blank: {} }, pvc: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi} } } } }
                - {metadata: {name: stranger}, spec: {source: {blank: {} }, pvc: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi} } } } }
              template: {spec: {domain: {devices: {} } } }
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("cdi.kubevirt.io", "datavolumes", Machines, "own") is not null
            && server.Get(Group, "virtualmachines", Machines, "disks")!["status"]?["conditions"]?.ToJsonString().Contains("DataVolumeNameTaken", StringComparison.Ordinal) == true);

        server.Create(Yaml.Documents(
            $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: chart-vm-0, namespace: {{Machines}}, labels: {kvmagent.io/linked: "true"} }
            spec: {containers: [{name: vm, image: agent}]}
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get(Group, "virtualmachineinstances", Machines, "chart-vm-0")?["status"]?["activePods"] is not null);
        server.Delete("", "pods", Machines, "chart-vm-0", graceSeconds: 0);
        await Until.TrueAsync(() => server.Get(Group, "virtualmachineinstances", Machines, "chart-vm-0") is null);

        await VerbAsync(client, "stop", """{"gracePeriod": 1}""");
        await Until.TrueAsync(() => Instance(server) is null && Launchers(server).Count == 0);
        await VerbAsync(client, "start", "");
        await Until.TrueAsync(() => Instance(server) is { } next && next["metadata"]!["uid"]!.ToString() != uid && Launchers(server).Count == 1
            && server.All("", "events", Machines).Count > 0 && next["status"]?["activePods"] is not null);

        // A recorded pod that is not seen any more is asked for before its instance is given up.
        server.Delete("", "pods", Machines, Launchers(server).Single()["metadata"]!["name"]!.ToString(), graceSeconds: 0);
        await Until.TrueAsync(() => Status(server)?["startFailure"] is not null);
    }

    /// <summary>A volume is made by a snapshot of another, which does not stay.</summary>
    private static async Task SnapshotAsync(TestApiServer server)
    {
        foreach (var given in Yaml.Documents(
            $$"""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: base, namespace: {{Machines}}}
            spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi} } }
            status: {phase: Bound}
            ---
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: {name: snapped, namespace: {{Machines}}}
            spec: {source: {pvc: {name: base} }, storage: {} }
            """))
        {
            server.Create(given.AsObject());
        }

        IReadOnlyList<JsonObject> Snapshots() => server.All(SnapshotKinds.Group, "volumesnapshots", Machines);
        await Until.TrueAsync(() => Snapshots().Count == 1);
        server.SetStatus(SnapshotKinds.Group, "volumesnapshots", Machines, Snapshots().Single()["metadata"]!["name"]!.ToString(), new JsonObject { ["readyToUse"] = true });
        await Until.TrueAsync(() => server.Get("", "persistentvolumeclaims", Machines, "snapped") is not null);
        server.SetStatus("", "persistentvolumeclaims", Machines, "snapped", new JsonObject { ["phase"] = "Bound" });
        await Until.TrueAsync(() => Snapshots().Count == 0);

        // Of one that a person has taken it is asked what the storage has.
        foreach (var given in Yaml.Documents(
            $$"""
            apiVersion: snapshot.storage.k8s.io/v1
            kind: VolumeSnapshotContent
            metadata: {name: monday}
            spec: {driver: csi.example.com}
            ---
            apiVersion: snapshot.storage.k8s.io/v1
            kind: VolumeSnapshot
            metadata: {name: monday, namespace: {{Machines}}}
            spec: {source: {persistentVolumeClaimName: base} }
            """))
        {
            server.Create(given.AsObject());
        }

        server.SetStatus(SnapshotKinds.Group, "volumesnapshots", Machines, "monday", new JsonObject { ["readyToUse"] = true, ["boundVolumeSnapshotContentName"] = "monday" });
        server.Create(Yaml.Documents(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataVolume
            metadata: {name: restored, namespace: {{Machines}}}
            spec: {source: {snapshot: {name: monday} }, storage: {} }
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("", "persistentvolumeclaims", Machines, "restored") is not null);
    }

    /// <summary>Another version of an image takes the place of the one before, and what names it is deleted and made again.</summary>
    private static async Task ImportNightlyAsync(TestApiServer server)
    {
        server.Create(Yaml.Documents(
            $$"""
            apiVersion: cdi.kubevirt.io/v1beta1
            kind: DataImportCron
            metadata: {name: nightly, namespace: {{Machines}}}
            spec:
              schedule: "30 1 * * *"
              managedDataSource: golden
              importsToKeep: 1
              template: {spec: {source: {http: {url: "https://example.com/disk.img"} }, storage: {resources: {requests: {storage: 1Gi} } } } }
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("", "pods", Machines, "poll-nightly") is not null);
        server.SetStatus("", "pods", Machines, "poll-nightly", Yaml.Documents(
            """
            phase: Succeeded
            containerStatuses: [{name: importer, state: {terminated: {exitCode: 0, message: '{"message":"Inspected","reason":"Complete","exitCode":0,"revision":"sha256:0123456789abcdef"}'} } }]
            """).Single().AsObject());
        await Until.TrueAsync(() => server.Get("", "pods", Machines, "importer-golden-0123456789ab") is not null);
        server.SetStatus("", "pods", Machines, "importer-golden-0123456789ab", new JsonObject { ["phase"] = "Succeeded" });
        await Until.TrueAsync(() => server.Get("cdi.kubevirt.io", "datavolumes", Machines, "golden") is null
            && (string?)server.Get("cdi.kubevirt.io", "datasources", Machines, "golden")!["spec"]!["source"]!["pvc"]!["name"] == "golden-0123456789ab");
        server.Delete("cdi.kubevirt.io", "datasources", Machines, "golden");
        await Until.TrueAsync(() => server.Get("cdi.kubevirt.io", "datasources", Machines, "golden") is not null);
        server.Delete("cdi.kubevirt.io", "dataimportcrons", Machines, "nightly");
        server.Delete("cdi.kubevirt.io", "datavolumes", Machines, "golden-0123456789ab");
    }

    /// <summary>What agents and users make it ask.</summary>
    private static async Task AskAsync(KubernetesClient client, CoordinatorSettings settings)
    {
        var cache = new MachineCache(client, settings.WatchNamespaces, TimeProvider.System, NullLogger<MachineCache>.Instance);
        using var tokens = new PodTokens(client, settings.Audience);
        var admitted = await new ClusterAdmission(tokens, cache).AdmitAsync("unknown", CancellationToken.None);
        admitted.Identity.ShouldBeNull();
        await Should.ThrowAsync<CoordinatorException>(() => new SubresourceAccess(client).DemandAsync(
            new RequestUser("alice", null, [], new Dictionary<string, IReadOnlyList<string>>()),
            new ResourceAttributes { Verb = "get", Group = SubresourceApi.Group, Version = "v1", Namespace = Machines, Resource = "virtualmachineinstances", Name = "web", Subresource = "console" },
            CancellationToken.None));
        await KeepAsync(client, settings);
        var renamed = new ServingCertificate(
            client, settings.Namespace, settings.TlsSecret, [.. settings.TlsNames, "kvm.example"], TimeProvider.System, NullLogger<ServingCertificate>.Instance);
        await renamed.LookAsync(CancellationToken.None);
    }

    /// <summary>Another cluster is added, changed and removed.</summary>
    private static async Task KeepAsync(KubernetesClient client, CoordinatorSettings settings)
    {
        var providers = new SecretProviders(client, settings.Namespace, TimeProvider.System, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        var running = providers.RunAsync(stop.Token);
        await providers.Synced;
        var east = new KeptProvider { Name = "east", Server = "https://east.example", Token = "t" };
        await providers.AddAsync(east, CancellationToken.None);
        await providers.ReplaceAsync(east with { Token = "u" }, providers.List().Single().Version, CancellationToken.None);
        await providers.RemoveAsync("east", CancellationToken.None);
        providers.List().ShouldBeEmpty();
        await stop.CancelAsync();
        await running;
    }

    private static async Task VerbAsync(KubernetesClient client, string name, string body)
    {
        var http = new DefaultHttpContext { Request = { Body = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(body)) } };
        var user = new RequestUser("alice", null, [], new Dictionary<string, IReadOnlyList<string>>());
        await new MachineVerbs(client).All.Single(v => v.Name == name).Run(new SubresourceRequest(http, user, Machines, "web"));
        http.Response.StatusCode.ShouldBe(StatusCodes.Status202Accepted);
    }

    private static List<JsonObject> Launchers(TestApiServer server) =>
        [.. server.All("", "pods").Where(static p => p["metadata"]!["labels"]?[MachineLabels.Role] is not null)];

    private static JsonObject? Instance(TestApiServer server) => server.Get(Group, "virtualmachineinstances", Machines, "web");

    private static JsonNode? Status(TestApiServer server) => server.Get(Group, "virtualmachines", Machines, "web")!["status"];

    private static async Task<TestApiServer> StartAsync(string yaml)
    {
        var server = await TestApiServer.StartAsync(new TestApiServerOptions
        {
            CelRules = AnyRule.Of(CustomResourceDefinitions.All),
            Namespaces = ["kube-system", Helm.Namespace, Machines, Other],
        });
        await server.ApplyCrdsAsync(yaml);
        await server.ApplyCrdsAsync(SnapshotKinds.Yaml);
        foreach (var given in Yaml.Documents(
            """
            apiVersion: storage.k8s.io/v1
            kind: StorageClass
            metadata: {name: fast}
            provisioner: csi.example.com
            ---
            apiVersion: snapshot.storage.k8s.io/v1
            kind: VolumeSnapshotClass
            metadata: {name: fast}
            driver: csi.example.com
            deletionPolicy: Delete
            """))
        {
            server.Create(given.AsObject());
        }

        foreach (var service in Yaml.Documents(yaml).Where(static d => (string?)d["kind"] == "APIService"))
        {
            server.Create(service.AsObject());
        }

        using var authority = CertificateMaker.Authority(TimeProvider.System.GetUtcNow());
        server.Create(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
            ["data"] = new JsonObject { ["requestheader-client-ca-file"] = authority.ExportCertificatePem() },
        });
        return server;
    }

    /// <summary>As each cluster has it.</summary>
    private static JsonNode AuthenticationReader() => Yaml.Documents(
        """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: extension-apiserver-authentication-reader, namespace: kube-system}
        rules:
          - {apiGroups: [""], resources: [configmaps], resourceNames: [extension-apiserver-authentication], verbs: [get, list, watch]}
        """).Single();
}
