using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports.Crons;
using KvmAgent.TestSupport;

namespace KvmAgent.HostTests.Imports;

/// <summary>An image that changes is imported anew by real importers, under a clock that is moved by hand.</summary>
public sealed class CronTests
{
    private const string Group = "cdi.kubevirt.io";

    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_new_image_is_imported_at_the_next_time_and_the_old_one_goes()
    {
        await using var cluster = await ImportCluster.StartAsync(time: _time);
        var (first, second) = (Disk(1), Disk(2));
        var url = cluster.Site.Add("/fedora.img", first);
        cluster.Server.Create(JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron", "metadata": {"name": "nightly", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"schedule": "0 * * * *", "managedDataSource": "fedora", "importsToKeep": 1, "template": {"spec": {"source": {"http": {"url": "{{{url}}}"} }, "storage": {} } } } }
            """)!.AsObject());

        var one = await NamedAsync(cluster, null);
        (await File.ReadAllBytesAsync(cluster.Node.Disk(ImportCluster.Namespace, one))).AsSpan(0, first.Length).SequenceEqual(first).ShouldBeTrue();
        await UntilAsync(cluster, () => cluster.Pods.Count == 0 && Condition(cluster, "UpToDate")?["reason"]?.ToString() == "UpToDate");
        // The look, the size, the import.
        cluster.Node.Started.ShouldBe(3);

        _time.Advance(TimeSpan.FromHours(1));
        await UntilAsync(cluster, () => cluster.Node.Started == 4 && cluster.Pods.Count == 0);
        cluster.Server.All(Group, "datavolumes", ImportCluster.Namespace).Count.ShouldBe(1);

        cluster.Site.Add("/fedora.img", second);
        _time.Advance(TimeSpan.FromHours(1));
        var two = await NamedAsync(cluster, one);
        (await File.ReadAllBytesAsync(cluster.Node.Disk(ImportCluster.Namespace, two))).AsSpan(0, second.Length).SequenceEqual(second).ShouldBeTrue();
        await UntilAsync(cluster, () => cluster.Server.Get(Group, "datavolumes", ImportCluster.Namespace, one) is null
            && cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, one) is null);
        cluster.Server.All(Group, "datavolumes", ImportCluster.Namespace).Single()["metadata"]!["labels"]![CronImports.Label]!.ToString().ShouldBe("nightly");
    }

    /// <returns>The claim that the DataSource names, which is filled, and is another than before.</returns>
    private async Task<string> NamedAsync(ImportCluster cluster, string? before)
    {
        await UntilAsync(cluster, () => Named(cluster) is { } name && name != before
            && cluster.Server.Get(Group, "datasources", ImportCluster.Namespace, "fedora")!["status"]?["conditions"]?[0]?["status"]?.ToString() == "True");
        return Named(cluster)!;
    }

    private static string? Named(ImportCluster cluster) =>
        (string?)cluster.Server.Get(Group, "datasources", ImportCluster.Namespace, "fedora")?["spec"]!["source"]!["pvc"]?["name"];

    private static JsonNode? Condition(ImportCluster cluster, string type) =>
        (cluster.Server.Get(Group, "dataimportcrons", ImportCluster.Namespace, "nightly")!["status"]?["conditions"] as JsonArray)?.FirstOrDefault(c => (string?)c!["type"] == type);

    /// <summary>What failed and is tried again waits for this clock.</summary>
    private Task UntilAsync(ImportCluster cluster, Func<bool> holds) => cluster.UntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(20));
        return holds();
    });

    /// <summary>One that is recognised: with an MBR's signature.</summary>
    private static byte[] Disk(int seed)
    {
        var disk = new byte[2 << 20];
        new Random(seed).NextBytes(disk);
        disk.AsSpan(446, 64).Clear();
        (disk[510], disk[511]) = (0x55, 0xaa);
        return disk;
    }
}
