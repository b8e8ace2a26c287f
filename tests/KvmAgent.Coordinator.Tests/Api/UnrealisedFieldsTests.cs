using System.Text.Json;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Tests.Api;

public sealed class UnrealisedFieldsTests
{
    [Theory]
    [InlineData("""{"domain":{}}""")]
    [InlineData("""{"domain":{"cpu":{"cores":1},"devices":{"disks":[{"name":"a","disk":{"bus":"virtio"}}],"rng":{}}},"nodeSelector":{"a":"b"},"affinity":{"nodeAffinity":{}},"tolerations":[{"key":"a"}]}""")]
    public void What_is_realised_is_not_told(string spec) => Of(spec).ShouldBeEmpty();

    [Fact]
    public void What_is_not_is_told_with_its_place_and_reason() => Of(
        """
        {"domain":{"cpu":{"numa":{}},"features":{"acpi":{}},"devices":{"tpm":{},"disks":[{"name":"a","lun":{}},{"name":"b","lun":{}},{"name":"c","shareable":true}],"interfaces":[{"name":"d","bridge":{}}]}},
         "networks":[{"name":"d","multus":{"networkName":"x"}}],"volumes":[{"name":"a","ephemeral":{}}],"evictionStrategy":"LiveMigrate","readinessProbe":{"exec":{}}}
        """).ShouldBe(
        [
            "spec.domain.cpu.numa: not supported",
            "spec.domain.devices.disks[].lun: disks are not passed through; use disk",
            "spec.domain.devices.disks[].shareable: not supported",
            "spec.domain.devices.interfaces[].bridge: the guest is behind the pod's address by masquerade",
            "spec.domain.devices.tpm: not supported",
            "spec.domain.features: QEMU's defaults hold",
            "spec.volumes[].ephemeral: use a persistentVolumeClaim, or an image by annotation",
            "spec.networks[].multus: the guest has the pod's network and no other",
            "spec.readinessProbe.exec: nothing is run inside the guest; use tcpSocket, httpGet or guestAgentPing",
            "spec.evictionStrategy: there is no live migration; an evicted guest is shut down",
        ], ignoreOrder: true);

    private static IReadOnlyList<string> Of(string spec) => UnrealisedFields.Of(JsonSerializer.Deserialize(spec, ApiJson.Default.VmiSpec)!);
}
