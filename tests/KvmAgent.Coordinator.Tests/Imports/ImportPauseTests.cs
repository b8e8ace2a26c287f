using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Importers whose pods are lost, on a server, with a clock that is moved by hand.</summary>
public sealed class ImportPauseTests : IAsyncLifetime
{
    private const string Namespace = "golden";

    private readonly ManualTime _time = new();
    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Namespace);
        _imports = await RunningImports.StartAsync(_server, new ImportOptions(), _time);
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task One_that_is_evicted_begins_again_after_longer_and_longer_pauses()
    {
        _server.Create(JsonNode.Parse(
            """
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
             "metadata": {"name": "disk", "namespace": "golden", "annotations": {"cdi.kubevirt.io/storage.import.endpoint": "https://example.com/disk"} },
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"} } } }
            """)!.AsObject());
        foreach (var pause in new[] { 10, 20, 40 })
        {
            await RunningController.UntilAsync(() => Pod is not null);
            _server.SetStatus("", "pods", Namespace, "importer-disk", JsonNode.Parse("""{"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}""")!);
            await RunningController.UntilAsync(() => Pod is null && Annotation(ImportAnnotations.RunningReason) == "BackOff");
            Annotation(ImportAnnotations.RunningMessage)!.ShouldContain("was lost (Evicted)");
            _time.Advance(TimeSpan.FromSeconds(pause - 1));
            Pod.ShouldBeNull();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await RunningController.UntilAsync(() => Pod is not null);
    }

    private JsonObject? Pod => _server.Get("", "pods", Namespace, "importer-disk");

    private string? Annotation(string name) => (string?)_server.Get("", "persistentvolumeclaims", Namespace, "disk")!["metadata"]!["annotations"]![name];
}
