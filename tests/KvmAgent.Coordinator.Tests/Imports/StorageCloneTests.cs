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
        Create("""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "plain"}, "provisioner": "csi.example.com"}""");
        Create("""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "other"}, "provisioner": "other.example.com"}""");
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
        User();
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

    [Fact]
    public async Task Elsewhere_a_snapshot_is_taken_and_does_not_stay()
    {
        await SnapshotsAsync();
        Original();
        Volume("""{"pvc": {"name": "original"} }""");
        await LaterAsync(() => Phase() == "SnapshotForSmartCloneInProgress");
        Claim(Copy).ShouldBeNull();
        var snapshot = Snapshots.ShouldHaveSingleItem();
        snapshot["spec"]!.ToJsonString().ShouldBe("""{"volumeSnapshotClassName":"snaps","source":{"persistentVolumeClaimName":"original"}}""");
        var name = snapshot["metadata"]!["name"]!.ToString();
        _server.SetStatus(SnapshotKinds.Group, "volumesnapshots", Golden, name, JsonNode.Parse("""{"readyToUse": false, "error": {"message": "the pool is full"} }""")!);
        await LaterAsync(() => Message()!.Contains("the pool is full", StringComparison.Ordinal));

        // It is of the moment when it was taken: what uses the source by now does no harm.
        User();
        Taken(name);
        await LaterAsync(() => Phase() == "CloneFromSnapshotSourceInProgress");
        var spec = Claim(Copy)!["spec"]!;
        spec["dataSource"]!.ToJsonString().ShouldBe($$"""{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"{{name}}"}""");
        ((string?)spec["storageClassName"]).ShouldBe("plain");
        ((string?)spec["resources"]!["requests"]!["storage"]).ShouldBe("12Gi");
        Snapshots.ShouldHaveSingleItem();

        Bind(Copy);
        await UntilAsync(() => Phase() == "Succeeded");
        Snapshots.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_was_taken_goes_with_a_volume_that_is_not_wanted_any_more()
    {
        await SnapshotsAsync();
        Original();
        Volume("""{"pvc": {"name": "original"} }""");
        await LaterAsync(() => Snapshots.Count == 1);
        _server.Delete(Group, "datavolumes", Golden, Copy);
        await UntilAsync(() => Snapshots.Count == 0 && Claim(Copy) is null);
    }

    [Fact]
    public async Task What_waits_for_its_first_pod_says_so()
    {
        _server.Update("storage.k8s.io", "storageclasses", "", "fast", static c => c["volumeBindingMode"] = "WaitForFirstConsumer");
        Original("fast");
        Volume("""{"pvc": {"name": "original"} }""");
        await LaterAsync(() => Phase() == "WaitForFirstConsumer" && Running() == "WaitForFirstConsumer");
        Annotation(ImportAnnotations.BoundReason).ShouldBe("WaitForFirstConsumer");
        Bind(Copy);
        await UntilAsync(() => Phase() == "Succeeded" && Annotation(ImportAnnotations.BoundReason) == "Bound");
    }

    [Fact]
    public async Task A_cluster_without_snapshots_copies()
    {
        Original();
        Volume("""{"pvc": {"name": "original"} }""");
        await LaterAsync(() => Annotation(ImportAnnotations.CloneRequest) == "golden/original");
        await LaterAsync(() => _server.All("", "pods", Golden).Count == 1);
    }

    [Fact]
    public async Task A_volume_is_made_of_a_snapshot_that_is_there_and_leaves_it()
    {
        Volume("""{"snapshot": {"name": "monday"} }""");
        await UntilAsync(() => Running() == "SnapshotsUnknown");
        await SnapshotsAsync();
        await LaterAsync(() => Running() == "CloneWithoutSource");
        Create("""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "monday", "namespace": "golden"}, "spec": {"volumeSnapshotClassName": "snaps", "source": {"volumeSnapshotContentName": "monday"} } }""");
        await LaterAsync(() => Running() == "CloneSourceNotReady");
        Taken("monday");
        await LaterAsync(() => Phase() == "CloneFromSnapshotSourceInProgress");
        ((string?)Claim(Copy)!["spec"]!["storageClassName"]).ShouldBe("fast");
        Bind(Copy);
        await UntilAsync(() => Phase() == "Succeeded");
        Snapshots.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("""{"source": {"snapshot": {"namespace": "other", "name": "monday"} }, "storage": {} }""", "SnapshotOfOtherNamespace")]
    [InlineData("""{"source": {"snapshot": {"name": "monday"} }, "storage": {"storageClassName": "other"} }""", "SnapshotOfOtherDriver")]
    public async Task What_the_storage_could_not_restore_is_told(string spec, string reason)
    {
        await SnapshotsAsync();
        Create("""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "monday", "namespace": "golden"}, "spec": {"volumeSnapshotClassName": "snaps", "source": {"volumeSnapshotContentName": "monday"} } }""");
        Taken("monday");
        Create($$"""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "golden"}, "spec": {{spec}} }""");
        await UntilAsync(() => Running() == reason);
        Claim(Copy).ShouldBeNull();
    }

    [Theory]
    [InlineData("{}", "{}", "Block", null)]
    [InlineData("""{"volumeMode": "Block"}""", "{}", "Block", null)]
    [InlineData("""{"volumeMode": "Filesystem"}""", "{}", null, "SnapshotOfOtherMode")]
    [InlineData("""{"volumeMode": "Filesystem"}""", """{"snapshot.storage.kubernetes.io/allow-volume-mode-change": "true"}""", "Filesystem", null)]
    public async Task A_snapshot_is_restored_in_the_mode_that_it_has(string storage, string allowed, string? mode, string? refused)
    {
        await SnapshotsAsync();
        Monday();
        Taken("monday", "Block", allowed);
        Create($$$"""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "golden"}, "spec": {"source": {"snapshot": {"name": "monday"} }, "storage": {{{storage}}} } }""");
        await UntilAsync(() => refused is null ? Claim(Copy) is not null : Running() == refused);
        ((string?)Claim(Copy)?["spec"]!["volumeMode"]).ShouldBe(mode);
    }

    [Theory]
    [InlineData("""{"storage": {} }""", "fast", "Block", "1Gi")]
    [InlineData("""{"storage": {"volumeMode": "Filesystem"} }""", "fast", "Filesystem", "1086Mi")]
    [InlineData("""{"storage": {} }""", "plain", null, "1086Mi")]
    [InlineData("""{"pvc": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"} } } }""", "fast", null, "1Gi")]
    public async Task What_is_to_be_as_its_source_is_a_block_device_as_that_or_has_room_for_it(string asked, string storage, string? mode, string size)
    {
        Create($$"""{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "original", "namespace": "golden"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "{{storage}}", "volumeMode": "Block", "resources": {"requests": {"storage": "1Gi"} } } }""");
        _server.SetStatus("", "persistentvolumeclaims", Golden, "original", new JsonObject { ["phase"] = "Bound" });
        var spec = JsonNode.Parse(asked)!.AsObject();
        spec["source"] = JsonNode.Parse("""{"pvc": {"name": "original"} }""");
        Create($$"""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "golden"}, "spec": {{spec.ToJsonString()}} }""");
        await LaterAsync(() => Claim(Copy) is not null);
        var claim = Claim(Copy)!["spec"]!;
        ((string?)claim["volumeMode"]).ShouldBe(mode);
        ((string?)claim["resources"]!["requests"]!["storage"]).ShouldBe(size);
        (claim["dataSource"] is not null).ShouldBe(mode == "Block");
    }

    [Fact]
    public async Task A_name_for_a_snapshot_is_ready_when_that_is()
    {
        await SnapshotsAsync();
        Create("""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "newest", "namespace": "golden"}, "spec": {"source": {"snapshot": {"name": "monday"} } } }""");
        await UntilAsync(() => Ready() == "NotFound");
        Create("""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "monday", "namespace": "golden"}, "spec": {"volumeSnapshotClassName": "snaps", "source": {"volumeSnapshotContentName": "monday"} } }""");
        await LaterAsync(() => Ready() == "SnapshotNotReady");
        Taken("monday");
        await LaterAsync(() => Ready() == "Ready");
        Create("""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "golden"}, "spec": {"sourceRef": {"kind": "DataSource", "name": "newest"}, "storage": {} } }""");
        await UntilAsync(() => Phase() == "CloneFromSnapshotSourceInProgress");
        ((string?)Claim(Copy)!["spec"]!["resources"]!["requests"]!["storage"]).ShouldBe("12Gi");

        string? Ready() => (string?)_server.Get(Group, "datasources", Golden, "newest")!["status"]?["conditions"]?[0]!["reason"];
    }

    private IReadOnlyList<JsonObject> Snapshots => _server.All(SnapshotKinds.Group, "volumesnapshots", Golden);

    private async Task SnapshotsAsync()
    {
        await _server.ApplyCrdsAsync(SnapshotKinds.Yaml);
        Create("""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "metadata": {"name": "snaps"}, "driver": "csi.example.com", "deletionPolicy": "Delete"}""");
    }

    /// <param name="storage">One that says nothing of clones, where it is not named.</param>
    private void Original(string storage = "plain")
    {
        Create($$"""{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "original", "namespace": "golden"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "{{storage}}", "resources": {"requests": {"storage": "10855Mi"} } } }""");
        Bind("original");
    }

    private void User() => Create("""{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "golden"}, "spec": {"containers": [{"name": "vm", "image": "vm"}], "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "original"} }] } }""");

    /// <summary>As the snapshot controller does.</summary>
    private void Taken(string snapshot, string mode = "Filesystem", string annotations = "{}")
    {
        Create($$"""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": {"name": "content", "annotations": {{annotations}} }, "spec": {"driver": "csi.example.com", "sourceVolumeMode": "{{mode}}"} }""");
        _server.SetStatus(SnapshotKinds.Group, "volumesnapshots", Golden, snapshot, JsonNode.Parse("""{"readyToUse": true, "restoreSize": "12Gi", "boundVolumeSnapshotContentName": "content"}""")!);
    }

    /// <summary>Of a claim that is not there any more.</summary>
    private void Monday() => Create("""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "monday", "namespace": "golden"}, "spec": {"volumeSnapshotClassName": "snaps", "source": {"persistentVolumeClaimName": "gone"} } }""");

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

    private JsonNode? Condition => Status?["conditions"]?.AsArray().Single(static c => (string?)c!["type"] == "Running");

    private string? Running() => (string?)Condition?["reason"];

    private string? Message() => (string?)Condition?["message"];

    private static Task UntilAsync(Func<bool> holds) => RunningController.UntilAsync(holds);

    /// <summary>What is looked at again only after a time, as also where what was made before is seen after it.</summary>
    private Task LaterAsync(Func<bool> holds) => UntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return holds();
    });
}
