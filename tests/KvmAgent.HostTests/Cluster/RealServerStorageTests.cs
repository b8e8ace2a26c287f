using KvmAgent.Coordinator.Api;
using KvmAgent.HostTests.Guests;
using KvmAgent.Processes;
using static KvmAgent.HostTests.Cluster.RealServer;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// Volumes that a real CSI driver makes of others. Beside what <see cref="RealServerTests"/> want, the server has the controllers of
/// kube-controller-manager that bind and protect volumes, the CRDs of snapshots and their controller, and csi-driver-host-path as
/// hostpath.csi.k8s.io, without topology, with external-provisioner and csi-snapshotter beside it; KVM_TEST_CSI_STATE names the driver's
/// state directory on this machine. No kubelet is needed: what the driver has made is mounted into pods as it lies there.
/// </summary>
[Collection(Name)]
public class RealServerStorageTests
{
    private const string Driver = "hostpath.csi.k8s.io", ByDriver = "kvmtest-clones", BySnapshot = "kvmtest-snapshots", Late = "kvmtest-late", Snapshots = "kvmtest";

    [RealStorageFact]
    public async Task A_machine_starts_from_what_the_driver_cloned_of_an_upload()
    {
        await using var cluster = await StartAsync();
        await using var objects = await InstallAsync(cluster);
        await VirtctlAsync(
            cluster, "image-upload", "dv", "golden", "--size=1Gi", $"--storage-class={ByDriver}", "--image-path", await TestGuest.ImageAsync(), "--insecure", "--uploadproxy-url", $"https://127.0.0.1:{cluster.UploadPort}");
        await objects.SucceedsAsync("golden");
        var disk = Path.Combine(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, "golden"), "disk.img");

        await objects.VolumeAsync("copy", """{"source": {"pvc": {"name": "golden"} }, "storage": {} }""");
        await objects.SucceedsAsync("copy");
        (await objects.SourceOfAsync("copy")).ShouldBe("PersistentVolumeClaim/golden csi-clone");
        var copied = Path.Combine(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, "copy"), "disk.img");
        (await ProcessRunner.RunAsync("cmp", [disk, copied])).ShouldBeEmpty();

        // The machine is what its claim waits for.
        await objects.ClaimAsync("late-golden", Late, "Filesystem", "1Gi");
        File.Copy(disk, Path.Combine(await cluster.Storage.MountAsync(TestCluster.Namespace, "late-golden"), "disk.img"));
        await objects.VolumeAsync("late-copy", """{"source": {"pvc": {"name": "late-golden"} }, "storage": {} }""");
        await objects.IsAsync("late-copy", "WaitForFirstConsumer");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "late-copy"), CancellationToken.None);
        await cluster.PrintsAsync("web", "Running");
        await objects.SucceedsAsync("late-copy");

        // Whoever uses it is waited for.
        await objects.VolumeAsync("of-used", """{"source": {"pvc": {"name": "late-copy"} }, "storage": {"storageClassName": "kvmtest-late"} }""");
        await objects.SaysAsync("of-used", "CloneSourceInUse");
        await KubectlAsync(cluster, "delete", "vm", "web", "--timeout=60s");
        await objects.IsAsync("of-used", "WaitForFirstConsumer");
    }

    [RealStorageFact]
    public async Task Snapshots_are_taken_restored_and_do_not_stay()
    {
        await using var cluster = await StartAsync();
        await using var objects = await InstallAsync(cluster);
        await objects.ClaimAsync("golden", BySnapshot, "Filesystem", "64Mi");
        var disk = Path.Combine(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, "golden"), "disk.img");
        var bytes = new byte[48 << 20];
        new Random(3).NextBytes(bytes.AsSpan(1 << 20, 9 << 20));
        await File.WriteAllBytesAsync(disk, bytes);

        await objects.VolumeAsync("copy", """{"source": {"pvc": {"name": "golden"} }, "storage": {} }""");
        await objects.SucceedsAsync("copy");
        (await objects.SourceOfAsync("copy")).ShouldMatch("^VolumeSnapshot/tmp-snapshot-.* snapshot$");
        (await DiskAsync("copy")).ShouldBe(bytes);
        await KubectlAsync(cluster, "wait", "volumesnapshot", "--all", "--for=delete", "--timeout=30s");

        await objects.SnapshotAsync("monday", "golden");
        await objects.VolumeAsync("of-monday", """{"source": {"snapshot": {"name": "monday"} }, "storage": {} }""");
        await objects.SucceedsAsync("of-monday");
        (await DiskAsync("of-monday")).ShouldBe(bytes);
        await objects.ApplyAsync("""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataSource", "metadata": {"name": "newest"}, "spec": {"source": {"snapshot": {"name": "monday"} } } }""");
        await objects.VolumeAsync("of-newest", """{"sourceRef": {"kind": "DataSource", "name": "newest"}, "storage": {"resources": {"requests": {"storage": "16Mi"} } } }""");
        await objects.SucceedsAsync("of-newest");
        (await DiskAsync("of-newest")).ShouldBe(bytes);
        (await KubectlAsync(cluster, "get", "volumesnapshot", "-o", "name")).Trim().ShouldBe("volumesnapshot.snapshot.storage.k8s.io/monday");

        async Task<byte[]> DiskAsync(string claim) => await File.ReadAllBytesAsync(Path.Combine(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, claim), "disk.img"));
    }

    [RealStorageFact]
    public async Task Block_devices_are_cloned_as_such_also_from_a_snapshot_whose_claim_is_gone()
    {
        await using var cluster = await StartAsync();
        await using var objects = await InstallAsync(cluster);
        await objects.ClaimAsync("device", ByDriver, "Block", "32Mi");
        var bytes = new byte[32 << 20];
        new Random(4).NextBytes(bytes);
        await File.WriteAllBytesAsync(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, "device"), bytes);
        await objects.VolumeAsync("copy", """{"source": {"pvc": {"name": "device"} }, "storage": {} }""");
        await objects.SucceedsAsync("copy");
        (await DeviceAsync("copy")).ShouldBe(bytes);

        // Larger than its source, which the class allows.
        await objects.VolumeAsync("larger", """{"source": {"pvc": {"name": "device"} }, "storage": {"resources": {"requests": {"storage": "48Mi"} } } }""");
        await objects.SucceedsAsync("larger");
        (await DeviceAsync("larger"))[..bytes.Length].ShouldBe(bytes);

        await objects.SnapshotAsync("monday", "device");
        await KubectlAsync(cluster, "wait", "volumesnapshot/monday", "--for=jsonpath={.status.readyToUse}=true", "--timeout=60s");
        await KubectlAsync(cluster, "delete", "pvc", "device", "--timeout=60s");
        await objects.VolumeAsync("of-monday", """{"source": {"snapshot": {"name": "monday"} }, "storage": {} }""");
        await objects.SucceedsAsync("of-monday");
        (await DeviceAsync("of-monday")).ShouldBe(bytes);
        await objects.VolumeAsync("as-files", """{"source": {"snapshot": {"name": "monday"} }, "storage": {"volumeMode": "Filesystem"} }""");
        await objects.SaysAsync("as-files", "SnapshotOfOtherMode");

        async Task<byte[]> DeviceAsync(string claim) => await File.ReadAllBytesAsync(await cluster.Storage.ProvidedAsync(TestCluster.Namespace, claim));
    }

    private static async Task<StorageObjects> InstallAsync(TestCluster cluster)
    {
        var objects = new StorageObjects(cluster);
        await objects.ApplyAsync(
            $$"""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "{{ByDriver}}", "annotations": {"cdi.kubevirt.io/clone-strategy": "csi-clone"} }, "provisioner": "{{Driver}}", "allowVolumeExpansion": true}""",
            $$"""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "{{Late}}", "annotations": {"cdi.kubevirt.io/clone-strategy": "csi-clone"} }, "provisioner": "{{Driver}}", "volumeBindingMode": "WaitForFirstConsumer"}""",
            $$"""{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "{{BySnapshot}}"}, "provisioner": "{{Driver}}"}""",
            $$"""{"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "metadata": {"name": "{{Snapshots}}"}, "driver": "{{Driver}}", "deletionPolicy": "Delete"}""");
        return objects;
    }
}
