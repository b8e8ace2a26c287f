using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Volumes that the storage itself makes of others, on a server whose storage is the test, with a clock that is moved by hand.</summary>
public sealed class StorageCloneTests : IAsyncLifetime
{
    private const string Group = "cdi.kubevirt.io", Golden = "golden", Copy = "copy";

    private readonly ManualTime _time = new();
    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Golden);
        Create("""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast", "annotations": {"cdi.kubevirt.io/clone-strategy": "csi-clone"} }, "provisioner": "csi.example.com"}""");
        _imports = await RunningImports.StartAsync(_server, new ImportOptions(), _time);
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_driver_clones_by_itself_what_is_whole_and_not_in_use()
    {
        Volume("""{"pvc": {"name": "original"} }""");
        await UntilAsync(() => Running() == "CloneWithoutSource");

        Create("""{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "original", "namespace": "golden"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "10855Mi"} } } }""");
        await LaterAsync(() => Running() == "CloneSourceNotReady");
        Create("""{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "golden"}, "spec": {"containers": [{"name": "vm", "image": "vm"}], "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "original"} }] } }""");
        Bind("original");
        await LaterAsync(() => Running() == "CloneSourceInUse");
        Claim(Copy).ShouldBeNull();

        _server.Delete("", "pods", Golden, "web", graceSeconds: 0);
        await LaterAsync(() => Phase() == "CSICloneInProgress" && Annotation(ImportAnnotations.RunningReason) == "CloneInProgress");
        Claim(Copy)!["spec"]!["dataSource"]!.ToJsonString().ShouldBe("""{"kind":"PersistentVolumeClaim","name":"original"}""");
        Bind(Copy);
        await UntilAsync(() => Phase() == "Succeeded");
        Annotation(ImportAnnotations.Phase).ShouldBe(ImportState.Succeeded);
        _server.Requests.Writes("", "pods").All.ShouldBe(0);
        await UntilAsync(() => _server.All("", "events", Golden).Any(static e => (string?)e["reason"] == "CloneSucceeded"));
    }

    private void Create(string json) => _server.Create(JsonNode.Parse(json)!.AsObject());

    private void Volume(string source) => Create(
        $$$"""
        {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "golden"},
         "spec": {"source": {{{source}}}, "storage": {"resources": {"requests": {"storage": "10Gi"} } } } }
        """);

    /// <summary>As a provisioner does.</summary>
    private void Bind(string claim) => _server.SetStatus("", "persistentvolumeclaims", Golden, claim, new JsonObject { ["phase"] = "Bound", ["capacity"] = new JsonObject { ["storage"] = "11Gi" } });

    private JsonObject? Claim(string name) => _server.Get("", "persistentvolumeclaims", Golden, name);

    private string? Annotation(string name) => (string?)Claim(Copy)?["metadata"]!["annotations"]?[name];

    private JsonNode? Status => _server.Get(Group, "datavolumes", Golden, Copy)?["status"];

    private string? Phase() => (string?)Status?["phase"];

    private string? Running() => (string?)Status?["conditions"]?.AsArray().Single(static c => (string?)c!["type"] == "Running")!["reason"];

    private static Task UntilAsync(Func<bool> holds) => RunningController.UntilAsync(holds);

    /// <summary>What is looked at again only after a time.</summary>
    private Task LaterAsync(Func<bool> holds) => UntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return holds();
    });
}
