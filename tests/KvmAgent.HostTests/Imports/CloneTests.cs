using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Clones;

namespace KvmAgent.HostTests.Imports;

/// <summary>Claims that become copies of others, over the network of two real pods' processes.</summary>
public sealed class CloneTests
{
    private const int MiB = 1 << 20;
    private const string Other = "shop";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_volume_is_a_copy_of_a_claim_and_nothing_is_left_of_what_made_it()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = await OriginalAsync(cluster);
        Volume(cluster, "copy", ImportCluster.Namespace);

        await CopiedAsync(cluster, ImportCluster.Namespace, disk);
        ((string?)cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, "copy")!["spec"]!["resources"]!["requests"]!["storage"]).ShouldBe("64Mi");
        await cluster.UntilAsync(() => cluster.Events.Any(static e => e.StartsWith("Normal CloneSucceeded", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_data_source_names_what_is_copied_and_what_it_named_then_stays()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = await OriginalAsync(cluster);
        cluster.Server.Create(JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "newest", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"source": {"pvc": {"name": "original"} } } }
            """)!.AsObject());
        cluster.Server.Create(JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "copy", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"sourceRef": {"kind": "DataSource", "name": "newest"}, "storage": {} } }
            """)!.AsObject());

        await CopiedAsync(cluster, ImportCluster.Namespace, disk);
    }

    [Fact]
    public async Task Another_namespace_must_be_allowed_to()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var allowed = false;
        cluster.Server.Access = spec => allowed && (string?)spec["user"] == $"system:serviceaccount:{Other}:default"
            && (string?)spec["resourceAttributes"]!["subresource"] == "source" && (string?)spec["resourceAttributes"]!["namespace"] == ImportCluster.Namespace;
        var disk = await OriginalAsync(cluster);
        Volume(cluster, "copy", Other);
        await cluster.UntilAsync(() => Reason(cluster, Other) == "CloneNotAuthorized", Soon);
        cluster.Server.All("", "pods").ShouldBeEmpty();

        allowed = true;
        await CopiedAsync(cluster, Other, disk);
    }

    [Fact]
    public async Task A_source_in_use_is_waited_for()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = await OriginalAsync(cluster);
        cluster.Node.Leave("web");
        cluster.Server.Create(JsonNode.Parse(
            $$$"""
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"containers": [{"name": "vm", "image": "vm"}], "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "original"} }] } }
            """)!.AsObject());
        Volume(cluster, "copy", ImportCluster.Namespace);
        await cluster.UntilAsync(() => Reason(cluster, ImportCluster.Namespace) == "CloneSourceInUse", Soon);
        cluster.Annotation("copy", ImportAnnotations.RunningMessage)!.ShouldContain("in use by pod web");

        cluster.Server.Delete("", "pods", ImportCluster.Namespace, "web", graceSeconds: 0);
        await CopiedAsync(cluster, ImportCluster.Namespace, disk);
    }

    [Fact]
    public async Task What_serves_it_may_go_and_another_takes_its_place()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = await OriginalAsync(cluster);
        // The first source is gone as soon as it runs.
        Volume(cluster, "copy", ImportCluster.Namespace);
        await cluster.UntilAsync(() => (string?)Source(cluster)?["status"]?["phase"] == "Running");
        cluster.Server.Delete("", "pods", ImportCluster.Namespace, Source(cluster)!["metadata"]!["name"]!.ToString(), graceSeconds: 0);

        await CopiedAsync(cluster, ImportCluster.Namespace, disk);
        cluster.Node.Started.ShouldBeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public async Task Not_more_are_made_at_once_than_may_be()
    {
        await using var cluster = await ImportCluster.StartAsync(concurrency: 2);
        var disk = await OriginalAsync(cluster);
        string[] names = [.. Enumerable.Range(0, 6).Select(static n => $"copy-{n}")];
        foreach (var name in names)
        {
            Volume(cluster, name, ImportCluster.Namespace);
        }

        await cluster.UntilAsync(() =>
        {
            cluster.Pods.Count.ShouldBeLessThanOrEqualTo(4);
            return names.All(name => cluster.Phase(name) == ImportState.Succeeded) && cluster.Pods.Count == 0;
        });
        foreach (var name in names)
        {
            (await File.ReadAllBytesAsync(cluster.Node.Disk(ImportCluster.Namespace, name))).AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
        }
    }

    [Fact]
    public async Task A_copy_that_is_not_wanted_any_more_leaves_nothing()
    {
        await using var cluster = await ImportCluster.StartAsync();
        await OriginalAsync(cluster);
        Volume(cluster, "copy", ImportCluster.Namespace);
        await cluster.UntilAsync(() => Source(cluster) is not null);

        cluster.Server.Delete("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "copy");
        await cluster.UntilAsync(() => cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, "copy") is null && cluster.Pods.Count == 0);
    }

    private static JsonObject? Source(ImportCluster cluster) =>
        cluster.Pods.FirstOrDefault(static p => (string?)p["metadata"]!["labels"]?[ImporterPod.KindLabel] == CloneSourcePod.Kind && p["metadata"]!["deletionTimestamp"] is null);

    private static string? Reason(ImportCluster cluster, string ns) =>
        (string?)cluster.Server.Get("", "persistentvolumeclaims", ns, "copy")?["metadata"]?["annotations"]?[ImportAnnotations.RunningReason];

    /// <summary>A claim that was filled by hand.</summary>
    private static async Task<byte[]> OriginalAsync(ImportCluster cluster)
    {
        var disk = new byte[32 * MiB];
        new Random(7).NextBytes(disk.AsSpan(0, MiB));
        cluster.Claim("original", new Dictionary<string, string>());
        await File.WriteAllBytesAsync(cluster.Node.Disk(ImportCluster.Namespace, "original"), disk);
        cluster.Server.SetStatus("", "persistentvolumeclaims", ImportCluster.Namespace, "original", new JsonObject { ["phase"] = "Bound" });
        return disk;
    }

    private static void Volume(ImportCluster cluster, string name, string ns) => cluster.Server.Create(JsonNode.Parse(
        $$$"""
        {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "{{{name}}}", "namespace": "{{{ns}}}"},
         "spec": {"source": {"pvc": {"name": "original", "namespace": "{{{ImportCluster.Namespace}}}"} }, "storage": {} } }
        """)!.AsObject());

    private static async Task CopiedAsync(ImportCluster cluster, string ns, byte[] disk)
    {
        await cluster.UntilAsync(() => (string?)cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ns, "copy")?["status"]?["phase"] == "Succeeded"
            && cluster.Server.All("", "pods").Count == 0 && cluster.Server.All("", "secrets").Count == 0);
        (await File.ReadAllBytesAsync(cluster.Node.Disk(ns, "copy"))).AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
    }
}
