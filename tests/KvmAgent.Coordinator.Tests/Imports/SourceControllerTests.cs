using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Tests.Machines;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>DataSources and the volumes that name them, on a server.</summary>
public sealed class SourceControllerTests : IAsyncLifetime
{
    private const string Group = "cdi.kubevirt.io", Golden = "golden", Shop = "shop";

    private TestApiServer _server = null!;
    private RunningImports _imports = null!;

    public async Task InitializeAsync()
    {
        _server = await KubeVirtServer.StartAsync(Golden, Shop);
        _imports = await RunningImports.StartAsync(_server, new ImportOptions());
    }

    public async Task DisposeAsync()
    {
        await _imports.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_source_becomes_ready_with_its_claim_and_so_does_who_refers_to_it()
    {
        Source("stable", """{"dataSource": {"name": "fedora"}}""");
        await RunningController.UntilAsync(() => Ready("stable") is { } c && (string?)c["reason"] == "NotFound");
        Source("fedora", """{"pvc": {"name": "fedora-1"}}""");
        await RunningController.UntilAsync(() => (string?)Ready("stable")!["message"] == "PersistentVolumeClaim golden/fedora-1 is not there");

        _server.Create(JsonNode.Parse("""{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "fedora-1", "namespace": "golden"}, "spec": {"accessModes": ["ReadWriteOnce"]} }""")!.AsObject());
        await RunningController.UntilAsync(() => (string?)Ready("fedora")!["status"] == "True" && (string?)Ready("stable")!["status"] == "True");
        _server.Get(Group, "datasources", Golden, "stable")!["status"]!["source"]!.ToJsonString().ShouldBe("""{"pvc":{"namespace":"golden","name":"fedora-1"}}""");
    }

    [Fact]
    public async Task A_volume_keeps_the_source_that_it_found()
    {
        _server.Create(JsonNode.Parse(
            """
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "web", "namespace": "shop"},
             "spec": {"sourceRef": {"kind": "DataSource", "namespace": "golden", "name": "fedora"}, "storage": {"resources": {"requests": {"storage": "1Gi"} } } } }
            """)!.AsObject());
        await RunningController.UntilAsync(() => (string?)Running()?["reason"] == "NotFound");
        Source("fedora", """{"pvc": {"name": "fedora-1"}}""");
        await RunningController.UntilAsync(() => Recorded() == """{"pvc":{"namespace":"golden","name":"fedora-1"}}""");

        _server.Update(Group, "datasources", Golden, "fedora", s => s["spec"]!["source"]!["pvc"]!["name"] = "fedora-2");
        await RunningController.UntilAsync(() => _server.Get(Group, "datasources", Golden, "fedora")!["status"]?["source"]?.ToJsonString() == """{"pvc":{"namespace":"golden","name":"fedora-2"}}""");
        Recorded().ShouldBe("""{"pvc":{"namespace":"golden","name":"fedora-1"}}""");
    }

    private void Source(string name, string source) => _server.Create(JsonNode.Parse(
        $$$"""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "{{{name}}}", "namespace": "golden"}, "spec": {"source": {{{source}}} } }""")!.AsObject());

    private JsonNode? Ready(string source) => (_server.Get(Group, "datasources", Golden, source)!["status"]?["conditions"] as JsonArray)?.Single();

    private JsonNode? Running() => (_server.Get(Group, "datavolumes", Shop, "web")!["status"]?["conditions"] as JsonArray)?.Single(static c => (string?)c!["type"] == "Running");

    private string? Recorded() => (string?)_server.Get(Group, "datavolumes", Shop, "web")!["metadata"]!["annotations"]?["kvmagent.io/source"];
}
