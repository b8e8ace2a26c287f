using System.Buffers.Binary;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Imports;

/// <summary>Claims that ask for it are filled by real importers.</summary>
public sealed class ImportTests
{
    private const int MiB = 1 << 20;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_claim_is_filled_as_the_first_releases_had_it()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = Disk(8 * MiB);
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/disk.qcow2", await Qcow2Async(disk))));
        await cluster.FilledAsync("fedora", disk);
        cluster.Annotation("fedora", "kubevirt.io/storage.import.pod.phase").ShouldBe("Succeeded");
        cluster.Annotation("fedora", "cdi.kubevirt.io/storage.condition.bound").ShouldBe("true");
        cluster.Annotation("fedora", "cdi.kubevirt.io/storage.import.importPodName").ShouldBeNull();
        cluster.Message("fedora").ShouldBe("Import Complete");
        await cluster.UntilAsync(() => cluster.Events.Any(static e => e.StartsWith("Normal ImportSucceeded", StringComparison.Ordinal)));
        cluster.Node.Started.ShouldBe(1);
    }

    [Fact]
    public async Task And_as_it_is_asked_today_with_a_password_and_a_checksum_once_the_secret_is_there()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = Disk(2 * MiB);
        var annotations = ImportCluster.Modern(cluster.Site.AddPrivate("disk.img", disk));
        annotations["cdi.kubevirt.io/storage.import.secretName"] = "endpoint";
        annotations["cdi.kubevirt.io/storage.import.checksum"] = $"sha256:{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(disk))}";
        annotations["cdi.kubevirt.io/storage.pod.retainAfterCompletion"] = "true";
        cluster.Claim("fedora", annotations);
        await cluster.UntilAsync(() => cluster.Message("fedora").Contains("secret \"endpoint\" not found", StringComparison.Ordinal), Soon);
        cluster.Phase("fedora").ShouldBe("Pending");

        cluster.Secret("endpoint", ("accessKeyId", ImageSite.User), ("secretKey", ImageSite.Password));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Succeeded");
        cluster.Pods.Single()["metadata"]!["name"]!.ToString().ShouldBe("importer-fedora");
        cluster.Annotation("fedora", "kubevirt.io/storage.import.importPodName").ShouldBe("importer-fedora");
        (await File.ReadAllBytesAsync(cluster.Node.Disk(ImportCluster.Namespace, "fedora"))).AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
    }

    [Fact]
    public async Task A_secret_without_the_keys_is_told()
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Secret("endpoint", ("password", "x"));
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.AddPrivate("disk.img", Disk(MiB)), "endpoint"));
        await cluster.UntilAsync(() => cluster.Message("fedora").Contains("couldn't find key accessKeyId in Secret golden/endpoint", StringComparison.Ordinal), Soon);
        cluster.Annotation("fedora", ImportAnnotations.RunningReason).ShouldBe("CreateContainerConfigError");
    }

    [Theory]
    [InlineData("no URL at all", "http", "is no URL")]
    [InlineData("https://user:secret@example.com/disk.img", "s4", "the source \"s4\" is not supported")]
    [InlineData("ftp://user:secret@example.com/disk.img", "http", "\"ftp://example.com/disk.img\" has the scheme ftp")]
    public async Task What_is_wrongly_asked_is_told_without_an_importer(string endpoint, string source, string message)
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Claim("fedora", ImportCluster.Modern(endpoint, source));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Failed", Soon);
        cluster.Message("fedora").ShouldContain(message);
        cluster.Message("fedora").ShouldNotContain("secret@");
        cluster.Node.Started.ShouldBe(0);
    }

    [Fact]
    public async Task A_hostile_image_is_refused_once_and_a_good_one_taken_when_it_is_asked_for()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var hostile = await Qcow2Async(Disk(MiB));
        // A backing file, whose name begins in the header.
        BinaryPrimitives.WriteUInt64BigEndian(hostile.AsSpan(8), 0x200);
        BinaryPrimitives.WriteUInt32BigEndian(hostile.AsSpan(16), 11);
        "/etc/passwd"u8.CopyTo(hostile.AsSpan(0x200));
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/hostile.qcow2", hostile)));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Failed" && cluster.Pods.Count == 0);
        cluster.Message("fedora").ShouldContain("backing");
        cluster.Annotation("fedora", ImportAnnotations.RunningReason).ShouldBe("Refused");
        await cluster.UntilAsync(() => cluster.Events.Any(static e => e.StartsWith("Warning ImportFailed", StringComparison.Ordinal)));
        cluster.Node.Started.ShouldBe(1);

        var disk = Disk(MiB);
        var good = cluster.Site.Add("/good.img", disk);
        cluster.Server.Update("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora", claim => claim["metadata"]!["annotations"]!["kubevirt.io/storage.import.endpoint"] = good);
        await cluster.FilledAsync("fedora", disk);
    }

    [Fact]
    public async Task A_claim_that_is_too_small_names_both_sizes()
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/disk.qcow2", await Qcow2Async(Disk(8 * MiB)))), size: "4Mi");
        await cluster.UntilAsync(() => cluster.Message("fedora").Contains("a disk of 8388608 bytes", StringComparison.Ordinal));
        cluster.Message("fedora").ShouldContain("4194304");
        File.Exists(cluster.Node.Disk(ImportCluster.Namespace, "fedora")).ShouldBeFalse();
    }

    [Fact]
    public async Task A_source_that_is_not_there_is_tried_until_it_is()
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Url + "/late.img"));
        await cluster.UntilAsync(() => cluster.Message("fedora").Contains("404", StringComparison.Ordinal));
        cluster.Phase("fedora").ShouldBe("Running");
        var disk = Disk(MiB);
        cluster.Site.Add("/late.img", disk);
        await cluster.FilledAsync("fedora", disk);
        int.Parse(cluster.Annotation("fedora", ImportAnnotations.Restarts)!, System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task The_endpoint_is_changed_and_the_pod_is_deleted_midway()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var open = new TaskCompletionSource();
        cluster.Site.Open = open.Task;
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/first.img", Disk(MiB))));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Running");
        cluster.Server.Delete("", "pods", ImportCluster.Namespace, "importer-fedora");
        await cluster.UntilAsync(() => cluster.Node.Started == 2);
        var disk = Disk(MiB, seed: 2);
        var second = cluster.Site.Add("/second.img", disk);
        cluster.Server.Update("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora", claim => claim["metadata"]!["annotations"]!["kubevirt.io/storage.import.endpoint"] = second);
        await cluster.UntilAsync(() => cluster.Node.Started == 3);
        open.SetResult();
        await cluster.FilledAsync("fedora", disk);
    }

    [Fact]
    public async Task A_claim_that_is_deleted_midway_takes_its_importer_with_it()
    {
        await using var cluster = await ImportCluster.StartAsync();
        cluster.Site.Open = new TaskCompletionSource().Task;
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/disk.img", Disk(MiB))));
        await cluster.UntilAsync(() => cluster.Phase("fedora") == "Running");
        cluster.Server.Delete("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora");
        await cluster.UntilAsync(() => cluster.Pods.Count == 0 && cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora") is null);
    }

    [Fact]
    public async Task Two_controllers_import_once()
    {
        await using var cluster = await ImportCluster.StartAsync(controllers: 2);
        var disk = Disk(MiB);
        cluster.Claim("fedora", ImportCluster.Early(cluster.Site.Add("/disk.img", disk)));
        await cluster.FilledAsync("fedora", disk);
        cluster.Node.Started.ShouldBe(1);
    }

    [Fact]
    public async Task A_data_volume_is_filled_and_goes_with_its_claim()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = Disk(4 * MiB);
        cluster.Server.Create(System.Text.Json.Nodes.JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "fedora", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"source": {"http": {"url": "{{{cluster.Site.Add("/disk.qcow2", await Qcow2Async(disk))}}}"} }, "storage": {"resources": {"requests": {"storage": "64Mi"} } } } }
            """)!.AsObject());
        await cluster.FilledAsync("fedora", disk);
        await cluster.UntilAsync(() => (string?)cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora")!["status"]?["phase"] == "Succeeded");
        var status = cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora")!["status"]!;
        ((string?)status["claimName"], (string?)status["progress"]).ShouldBe(("fedora", "100.0%"));

        cluster.Server.Delete("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora");
        await cluster.UntilAsync(() => cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora") is null);
    }

    [Fact]
    public async Task How_far_an_import_is_stands_on_the_claim_and_on_its_volume()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var (disk, hurry) = (Disk(32 * MiB), new TaskCompletionSource());
        cluster.Server.Create(System.Text.Json.Nodes.JsonNode.Parse(
            $$$"""
            {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "fedora", "namespace": "{{{ImportCluster.Namespace}}}"},
             "spec": {"source": {"http": {"url": "{{{cluster.Site.AddSlow("/disk.img", disk, hurry.Task)}}}"} }, "storage": {"resources": {"requests": {"storage": "64Mi"} } } } }
            """)!.AsObject());
        await cluster.UntilAsync(() => IsHalf(cluster.Annotation("fedora", ImportAnnotations.Progress)) && IsHalf(cluster.Annotation("fedora", ImportAnnotations.EarlyProgress)));
        await cluster.UntilAsync(() => IsHalf((string?)Volume()["status"]?["progress"]));
        ((string?)Volume()["status"]!["phase"]).ShouldBe("ImportInProgress");

        hurry.SetResult();
        await cluster.FilledAsync("fedora", disk);
        cluster.Annotation("fedora", ImportAnnotations.Progress).ShouldBe("100.0%");

        static bool IsHalf(string? progress) => progress is { Length: 6 } && progress.EndsWith(".00%", StringComparison.Ordinal) && progress[0] is >= '4' and <= '8';

        System.Text.Json.Nodes.JsonObject Volume() => cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora")!;
    }

    [Fact]
    public async Task A_data_volume_without_a_size_gets_that_of_its_image()
    {
        await using var cluster = await ImportCluster.StartAsync();
        var disk = Disk(5 * MiB);
        cluster.Volume("fedora", cluster.Site.Add("/disk.qcow2", await Qcow2Async(disk)));
        await cluster.FilledAsync("fedora", disk);
        ((string?)cluster.Server.Get("", "persistentvolumeclaims", ImportCluster.Namespace, "fedora")!["spec"]!["resources"]!["requests"]!["storage"]).ShouldBe("6Mi");
        ((string?)cluster.Server.Get("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora")!["metadata"]!["annotations"]![ImportAnnotations.VirtualSize]).ShouldBe($"{5 * MiB}");
        cluster.Node.Started.ShouldBe(2);
    }

    [Fact]
    public async Task One_whose_size_is_not_to_be_known_or_that_is_refused_says_so_until_it_asks_for_something_else()
    {
        await using var cluster = await ImportCluster.StartAsync();
        using var packed = new MemoryStream();
        await using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Disk(MiB));
        }

        cluster.Volume("fedora", cluster.Site.Add("/disk.img.gz", packed.ToArray()));
        await cluster.UntilAsync(() => cluster.VolumeCondition("fedora", "Running")?["reason"]?.ToString() == "SizeUnknown" && cluster.Pods.Count == 0);
        cluster.VolumeCondition("fedora", "Running")!["message"]!.ToString().ShouldContain("a raw in gzip, which has to be read whole to know it; give the size");

        var page = cluster.Site.Add("/login", "<html>log in</html>"u8.ToArray());
        cluster.Server.Update("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora", v => v["spec"]!["source"]!["http"]!["url"] = page);
        await cluster.UntilAsync(() => cluster.VolumeCondition("fedora", "Running")?["reason"]?.ToString() == "Refused" && cluster.Pods.Count == 0);
        cluster.Node.Started.ShouldBe(2);
        cluster.Server.Update("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora", v => v["spec"]!["source"]!["http"]!["url"] = $"{cluster.Site.Url}/disk.img.gz");
        cluster.Server.Update("cdi.kubevirt.io", "datavolumes", ImportCluster.Namespace, "fedora", v => v["spec"]!["storage"]!["resources"] = new System.Text.Json.Nodes.JsonObject { ["requests"] = new System.Text.Json.Nodes.JsonObject { ["storage"] = "1Mi" } });
        await cluster.FilledAsync("fedora", Disk(MiB));
    }

    /// <summary>One that is recognised: with an MBR's signature.</summary>
    private static byte[] Disk(int size, int seed = 1)
    {
        var disk = new byte[size];
        new Random(seed).NextBytes(disk);
        disk.AsSpan(446, 64).Clear();
        (disk[510], disk[511]) = (0x55, 0xaa);
        return disk;
    }

    private static async Task<byte[]> Qcow2Async(byte[] disk)
    {
        var directory = Directory.CreateTempSubdirectory("kvmtest-qcow2-").FullName;
        try
        {
            var (raw, image) = (Path.Combine(directory, "raw"), Path.Combine(directory, "qcow2"));
            await File.WriteAllBytesAsync(raw, disk);
            await ProcessRunner.RunAsync("qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", raw, image]);
            return await File.ReadAllBytesAsync(image);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
