using KvmAgent.HostTests.Support;
using static KvmAgent.HostTests.Cluster.RealServer;

namespace KvmAgent.HostTests.Cluster;

/// <summary>What the tests of storage make in the cluster, which does not go with them; at the end all of it is gone, volumes too.</summary>
internal sealed class StorageObjects(TestCluster cluster) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async Task ApplyAsync(params string[] manifests)
    {
        foreach (var manifest in manifests)
        {
            var file = Path.GetTempFileName();
            await File.WriteAllTextAsync(file, manifest);
            await KubectlAsync(cluster, "apply", "-f", file);
            File.Delete(file);
        }
    }

    public Task ClaimAsync(string name, string storage, string mode, string size) => ApplyAsync(
        $$$"""
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "{{{name}}}"},
         "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "{{{storage}}}", "volumeMode": "{{{mode}}}", "resources": {"requests": {"storage": "{{{size}}}"} } } }
        """);

    public Task VolumeAsync(string name, string spec) => ApplyAsync(
        $$"""{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "{{name}}"}, "spec": {{spec}} }""");

    public Task SnapshotAsync(string name, string claim) => ApplyAsync(
        $$$"""
        {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": "{{{name}}}"},
         "spec": {"volumeSnapshotClassName": "kvmtest", "source": {"persistentVolumeClaimName": "{{{claim}}}"} } }
        """);

    public Task SucceedsAsync(string volume) => IsAsync(volume, "Succeeded");

    /// <summary>Waits for a DataVolume's phase.</summary>
    public Task IsAsync(string volume, string phase) => KubectlAsync(cluster, "wait", $"dv/{volume}", $"--for=jsonpath={{.status.phase}}={phase}", $"--timeout={Patience.TotalSeconds}s");

    /// <summary>Waits for the reason of its condition Running.</summary>
    public Task SaysAsync(string volume, string reason) => Until.TrueAsync(
        async () => (await KubectlAsync(cluster, "get", "dv", volume, "-o", "jsonpath={.status.conditions[?(@.type==\"Running\")].reason}")).Trim() == reason, Patience, $"{volume} says {reason}");

    /// <returns>What a claim's storage filled it from, and how, as <c>KIND/NAME TYPE</c>.</returns>
    public async Task<string> SourceOfAsync(string claim) => (await KubectlAsync(
        cluster, "get", "pvc", claim, "-o", @"jsonpath={.spec.dataSourceRef.kind}/{.spec.dataSourceRef.name} {.metadata.annotations.cdi\.kubevirt\.io/cloneType}")).Trim();

    public async ValueTask DisposeAsync()
    {
        await KubectlAsync(cluster, "delete", "vm,dv,datasource,volumesnapshot,pvc", "--all", "--timeout=90s");
        await Until.TrueAsync(
            async () => (await KubectlAsync(cluster, "get", "pv,volumesnapshotcontent", "-o", "name")).Trim().Length == 0, Patience, "all volumes and what was taken of them are gone");
    }
}
