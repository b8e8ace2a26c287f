using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>What a copy of a machine says, and what it does not say any more.</summary>
public sealed class MachineCloneTests
{
    private const string Web =
        """
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata:
          name: web
          namespace: shop
          uid: 1-2-3
          resourceVersion: "7"
          generation: 2
          creationTimestamp: "2026-01-01T00:00:00Z"
          finalizers: [kubevirt.io/virtualMachineControllerFinalize]
          ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: b}]
          managedFields: [{manager: kubectl}]
          labels: {app: web, tier: front}
          annotations: {note: mine, kubectl.kubernetes.io/last-applied-configuration: "{}", kubevirt.io/latest-observed-api-version: v1}
        spec:
          running: true
          instancetype: {name: small, revisionName: web-small-1}
          dataVolumeTemplates:
          - metadata: {name: web-root}
            spec: {source: {http: {url: "https://example.com/a.qcow2"}}, storage: {resources: {requests: {storage: 5Gi}}}}
          template:
            metadata: {name: web, labels: {kubevirt.io/vm: web, tier: front}}
            spec:
              hostname: web
              subdomain: shop
              domain:
                firmware: {uuid: 5d307ca9-b3ef-428c-8861-06e72d69f223, serial: abc, bootloader: {efi: {}}}
                chassis: {serial: c1, sku: s}
                devices:
                  disks: [{name: root, serial: kept, disk: {bus: virtio}}, {name: data}, {name: init}]
                  interfaces: [{name: default, masquerade: {}, macAddress: "02:00:00:00:00:01"}]
                  somethingNew: {a: 1}
              networks: [{name: default, pod: {}}]
              volumes:
              - {name: root, dataVolume: {name: web-root}}
              - {name: data, persistentVolumeClaim: {claimName: shared-data, hotpluggable: true}}
              - {name: init, cloudInitNoCloud: {secretRef: {name: web-init}}}
              - {name: image, containerDisk: {image: "registry/disk:1"}}
        status: {printableStatus: Running}
        """;

    [Fact]
    public void What_is_one_machines_alone_is_left_out_and_each_claim_becomes_a_volume_of_its_own()
    {
        var claims = new Dictionary<string, PersistentVolumeClaim>
        {
            ["web-root"] = new() { Metadata = new() { Name = "web-root" }, Spec = new() { AccessModes = ["ReadWriteMany"], VolumeMode = "Block", StorageClassName = "fast" } },
        };

        YamlText.Of(MachineClone.Of(Machine(), "copy", start: false, claims, "usual")).ShouldBe(
            """
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata:
              name: copy
              namespace: shop
              annotations:
                note: mine
              labels:
                app: copy
                tier: front
            spec:
              instancetype:
                name: small
              template:
                metadata:
                  labels:
                    kubevirt.io/vm: copy
                    tier: front
                spec:
                  subdomain: shop
                  domain:
                    firmware:
                      bootloader:
                        efi: {}
                    chassis:
                      sku: s
                    devices:
                      disks:
                      - name: root
                        serial: kept
                        disk:
                          bus: virtio
                      - name: data
                      - name: init
                      interfaces:
                      - name: default
                        masquerade: {}
                      somethingNew:
                        a: 1
                  networks:
                  - name: default
                    pod: {}
                  volumes:
                  - name: root
                    dataVolume:
                      name: copy-root
                  - name: data
                    dataVolume:
                      name: copy-data
                      hotpluggable: true
                  - name: init
                    cloudInitNoCloud:
                      secretRef:
                        name: web-init
                  - name: image
                    containerDisk:
                      image: registry/disk:1
              runStrategy: Halted
              dataVolumeTemplates:
              - metadata:
                  name: copy-root
                spec:
                  source:
                    pvc:
                      namespace: shop
                      name: web-root
                  storage:
                    accessModes:
                    - ReadWriteMany
                    volumeMode: Block
                    storageClassName: fast
              - metadata:
                  name: copy-data
                spec:
                  source:
                    pvc:
                      namespace: shop
                      name: shared-data
                  storage:
                    storageClassName: usual

            """);
    }

    [Theory]
    [InlineData("running: true", false, "Halted")]
    [InlineData("running: true", true, "Always")]
    [InlineData("running: false", true, "Always")]
    [InlineData("runStrategy: Halted", true, "Always")]
    [InlineData("runStrategy: RerunOnFailure", true, "RerunOnFailure")]
    [InlineData("runStrategy: Manual", true, "Manual")]
    [InlineData("runStrategy: Manual", false, "Halted")]
    public void It_starts_where_that_is_wanted(string strategy, bool start, string expected) =>
        ((string?)MachineClone.Of(Machine("running: true", strategy), "copy", start, new Dictionary<string, PersistentVolumeClaim>(), null)["spec"]!["runStrategy"]).ShouldBe(expected);

    [Fact]
    public void Names_of_disks_fit_and_differ()
    {
        var machine = Machine("- {name: root, dataVolume", $"- {{name: {new string('a', 40)}, dataVolume", "- {name: data, persistent", $"- {{name: {new string('a', 41)}, persistent");
        MachineClone.ClaimsOf(machine).ShouldBe(["web-root", "shared-data"]);

        var disks = MachineClone.DisksOf(machine, "a-machine-with-a-name-of-its-own");

        disks.Count.ShouldBe(2);
        disks.ShouldBeUnique();
        disks.ShouldAllBe(static d => d.Length <= 63);
    }

    private static JsonObject Machine(params string[] replaced)
    {
        var text = Web;
        for (var i = 0; i < replaced.Length; i += 2)
        {
            text = text.Replace(replaced[i], replaced[i + 1], StringComparison.Ordinal);
        }

        return Yaml.Documents(text).Single().AsObject();
    }
}
