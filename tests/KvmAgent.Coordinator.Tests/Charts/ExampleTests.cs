using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Crons;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes.Core;
using KvmAgent.TestSupport.Api;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>Each example is taken by an API server with the chart's kinds, and gets its pod with nothing left out.</summary>
public sealed class ExampleTests
{
    private static readonly string Folder = Path.Combine(Helm.Directory, "examples");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "vm*").Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_example_becomes_a_pod(string name)
    {
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions { CelRules = AnyRule.Of(CustomResourceDefinitions.All) });
        foreach (var file in Directory.GetFiles(Path.Combine(Helm.Directory, "files", "crds")))
        {
            await server.ApplyCrdsAsync(file);
        }

        var objects = Yaml.Documents(await File.ReadAllTextAsync(Path.Combine(Folder, name))).Select(d => server.Create(d.AsObject())).ToList();

        var instance = Instance(objects);
        UnrealisedFields.Of(instance.Spec!).ShouldBeEmpty();
        var plan = PodTemplate.Create(instance, Given.Claims(Claims(objects)), Given.Options(null));
        plan.Problems.ShouldBeEmpty();
        foreach (var service in objects.Where(static o => (string?)o["kind"] == "Service"))
        {
            service["spec"]!["selector"]!.AsObject().ShouldAllBe(l => plan.Pod!.Metadata.Labels![l.Key] == (string?)l.Value);
            service["spec"]!["ports"]!.AsArray().ShouldAllBe(p => plan.Pod!.Spec!.Containers![0].Ports!.Any(c => c.Name == (string?)p!["targetPort"]));
        }
    }

    [Fact]
    public async Task The_golden_claim_becomes_its_importer()
    {
        await using var server = await TestApiServer.StartAsync(new TestApiServerOptions());
        var objects = new[] { "endpoint-secret.yaml", "golden-pvc.yaml", "golden-quota.yaml" }
            .SelectMany(static f => Yaml.Documents(File.ReadAllText(Path.Combine(Folder, f)))).Select(d => server.Create(d.AsObject())).ToList();

        var claim = JsonSerializer.Deserialize(One(objects, "PersistentVolumeClaim")!, CoreKinds.PersistentVolumeClaims.Json)!;
        var (request, problem) = ImportRequest.Of(claim).ShouldNotBeNull();
        problem.ShouldBeNull();
        request!.Secret.ShouldBe((string?)One(objects, "Secret")!["metadata"]!["name"]);
        var pod = ImporterPod.Create(claim, request, Given.Options(null), new ImportOptions(), "");
        var keys = pod.Spec!.Containers!.Single().Env!.Select(static e => (string?)e.ValueFrom?["secretKeyRef"]?["key"]).OfType<string>();
        keys.ShouldBe(One(objects, "Secret")!["data"]!.AsObject().Select(static d => d.Key), ignoreOrder: true);
    }

    [Fact]
    public async Task The_golden_cron_looks_at_its_image()
    {
        await using var server = await KubeVirtServer.StartAsync();
        var example = server.Create(Yaml.Documents(await File.ReadAllTextAsync(Path.Combine(Folder, "golden-cron.yaml"))).Single().AsObject());

        var cron = JsonSerializer.Deserialize(example, ApiJson.Default.DataImportCron)!;
        var plan = CronDecision.Decide(new CronView(cron, [], null, null, Given.Epoch));
        plan.Steps.Single().ShouldBeOfType<CronStep.Poll>().Request.Source.ShouldBe("registry");
    }

    [Fact]
    public void The_readme_names_each()
    {
        var readme = File.ReadAllText(Path.Combine(Helm.Directory, "README.md"));

        Directory.GetFiles(Folder).Select(Path.GetFileName).ShouldAllBe(n => readme.Contains($"| `{n}` |"));
    }

    private static VirtualMachineInstance Instance(List<JsonObject> objects)
    {
        if (objects.Find(static o => (string?)o["kind"] == "VirtualMachineInstance") is { } standalone)
        {
            return JsonSerializer.Deserialize(standalone, ApiJson.Default.VirtualMachineInstance)!;
        }

        var vm = JsonSerializer.Deserialize(One(objects, "VirtualMachine")!, ApiJson.Default.VirtualMachine)!;
        var (spec, problem) = InstancetypeExpansion.Expand(
            vm,
            One(objects, "VirtualMachineInstancetype") is { } type ? JsonSerializer.Deserialize(type, ApiJson.Default.VirtualMachineInstancetype)!.Spec : null,
            One(objects, "VirtualMachinePreference") is { } wish ? JsonSerializer.Deserialize(wish, ApiJson.Default.VirtualMachinePreference)!.Spec : null);
        problem.ShouldBeNull();
        var instance = InstanceTemplate.Create(vm, spec!, paused: false);
        return instance with { Metadata = instance.Metadata with { Uid = Given.InstanceUid } };
    }

    private static JsonObject? One(List<JsonObject> objects, string kind) => objects.SingleOrDefault(o => (string?)o["kind"] == kind);

    private static JsonObject Claims(List<JsonObject> objects) => new(objects.Where(static o => (string?)o["kind"] == "PersistentVolumeClaim")
        .Select(static o => KeyValuePair.Create((string)o["metadata"]!["name"]!, (JsonNode?)new JsonObject { ["accessModes"] = o["spec"]!["accessModes"]!.DeepClone() })));
}
