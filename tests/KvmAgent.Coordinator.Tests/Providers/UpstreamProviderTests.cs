using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Providers;

/// <summary>
/// A provider that runs KubeVirt itself, without CDI: what it lacks is told by name, and all else goes on. That it is managed as one of ours is
/// RealKubeVirtTests' to prove, with KubeVirt's own programs.
/// </summary>
public sealed class UpstreamProviderTests : IAsyncLifetime
{
    private const string Web = "/kubevirt/vms/shop/web";

    private TestDatabase _database = null!;
    private ManagementCluster _own = null!;
    private TestApiServer _other = null!;

    public async Task InitializeAsync()
    {
        _database = TestDatabase.OfFile();
        _own = await ManagementCluster.StartAsync(database: _database);
        var kinds = CustomResourceDefinitions.All.Where(static d => (string?)d["spec"]!["group"] == "kubevirt.io").ToList();
        _other = await TestApiServer.StartAsync(new TestApiServerOptions
        {
            Https = true,
            CelRules = AnyRule.Of(kinds),
            AbsentGroups = ["subresources.kubevirt.io", "cdi.kubevirt.io"],
            Namespaces = ["default", "kube-system", "shop"],
        });
        await _other.ApplyCrdsAsync(string.Join("---\n", kinds.Select(static d => YamlText.Of(d))));
        foreach (var manifest in Yaml.Documents(
            """
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: disk, namespace: shop}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec: {runStrategy: Always, template: {spec: {domain: {devices: {}}, volumes: [{name: root, persistentVolumeClaim: {claimName: disk}}]}}}
            ---
            apiVersion: kubevirt.io/v1
            kind: VirtualMachineInstance
            metadata: {name: web, namespace: shop}
            spec: {domain: {devices: {}}}
            status: {phase: Running}
            """))
        {
            _other.Create(manifest.AsObject());
        }

        var (code, body) = await _own.PostAsync("/kubevirt/providers/add", new JsonObject { ["name"] = "east", ["kubeconfig"] = _other.Kubeconfig });
        code.ShouldBe(201, body.ToJsonString());
    }

    public async Task DisposeAsync()
    {
        await _own.DisposeAsync();
        await _other.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task What_a_machine_uses_is_not_told_and_that_is_said()
    {
        var (code, body) = await _own.SendAsync(HttpMethod.Get, $"{Web}/usage?provider=east");
        (code, (string?)body["error"]).ShouldBe(
            (501, "provider \"east\" does not tell what its machines use: it has no subresource virtualmachineinstances/usage; ask its Prometheus for kubevirt_vmi_*"));
        (await _own.SendAsync(HttpMethod.Get, "/kubevirt/vms/shop/none/usage?provider=east")).Code.ShouldBe(404);
        (await _own.ListAsync(new JsonObject { ["provider"] = "east", ["namespace"] = "shop" }))["vms"]!.AsArray().Select(static vm => (string?)vm!["name"]).ShouldBe(["web"]);
    }

    [Fact]
    public async Task A_disk_that_nobody_would_copy_is_not_begun_to_be_cloned()
    {
        var (code, body) = await _own.PostAsync($"{Web}/clone", new JsonObject { ["provider"] = "east", ["name"] = "copy" });
        (code, (string?)body["error"]).ShouldBe(
            (422, "shop/web cannot be cloned: provider \"east\" has no DataVolumes (cdi.kubevirt.io/v1beta1), by which disks are copied; install CDI or kvm-coordinator there"));
        _other.Get("kubevirt.io", "virtualmachines", "shop", "copy").ShouldBeNull();
        ((int)(await _own.PostAsync("/jobs/query")).Body["total"]!).ShouldBe(0);
    }
}
