using System.Text.Json.Nodes;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>A machine waits for what is imported into its claim, and goes on by itself when that is there.</summary>
public sealed class ProvisioningTests
{
    private const string Phase = "cdi.kubevirt.io/storage.pod.phase", Message = "cdi.kubevirt.io/storage.condition.running.message";

    [Fact]
    public async Task A_claim_is_waited_for_until_its_import_is_done()
    {
        await using var running = await RunningController.StartAsync();
        running.Create(
            """
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: debian, namespace: shop, annotations: {cdi.kubevirt.io/storage.pod.phase: Running} }
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi} } }
            """);
        running.Create(
            """
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec:
              runStrategy: Always
              template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, dataVolume: {name: debian} } ] } }
            """);
        await PrintsAsync(running, "Provisioning");
        Ready(running).ShouldSatisfyAllConditions(
            c => ((string?)c["status"]).ShouldBe("False"),
            c => ((string?)c["reason"]).ShouldBe("NotAllDVsReady"),
            c => ((string?)c["message"]).ShouldBe("PersistentVolumeClaim debian (Pending) is not filled yet; its importer is in phase Running"));

        Annotate(running, (Phase, "Failed"), (Message, "no route to host"));
        await PrintsAsync(running, "DataVolumeError");
        ((string?)Ready(running)["message"])!.ShouldEndWith("its importer is in phase Failed and says: no route to host");
        running.Server.All("", "pods").ShouldBeEmpty();

        Annotate(running, (Phase, "Running"));
        await PrintsAsync(running, "Provisioning");
        running.Server.All("", "pods").ShouldBeEmpty();

        Annotate(running, (Phase, "Succeeded"));
        await RunningController.UntilAsync(() => running.Server.All("", "pods").Count == 1);
        await PrintsAsync(running, "WaitingForVolumeBinding");
    }

    private static Task PrintsAsync(RunningController running, string status) =>
        RunningController.UntilAsync(() => (string?)running.Machine("web")?["status"]?["printableStatus"] == status);

    private static JsonNode Ready(RunningController running) =>
        running.Machine("web")!["status"]!["conditions"]!.AsArray().Single(static c => (string?)c!["type"] == "DataVolumesReady")!;

    private static void Annotate(RunningController running, params (string Name, string Value)[] annotations) =>
        running.Server.Update("", "persistentvolumeclaims", "shop", "debian", claim =>
        {
            foreach (var (name, value) in annotations)
            {
                claim["metadata"]!["annotations"]![name] = value;
            }
        });
}
