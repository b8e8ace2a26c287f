namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>A machine waits for what it names, and goes on by itself when that appears.</summary>
public sealed class InstancetypeTests
{
    [Theory]
    [InlineData("instancetype", "VirtualMachineInstancetype", "virtualmachineinstancetypes", "FailedFindInstancetype")]
    [InlineData("instancetype", "VirtualMachineClusterInstancetype", "virtualmachineclusterinstancetypes", "FailedFindInstancetype")]
    [InlineData("preference", "VirtualMachinePreference", "virtualmachinepreferences", "FailedFindPreference")]
    [InlineData("preference", "VirtualMachineClusterPreference", "virtualmachineclusterpreferences", "FailedFindPreference")]
    public async Task What_is_missing_is_told_and_waited_for(string field, string kind, string plural, string reason)
    {
        await using var running = await RunningController.StartAsync();
        var domain = field == "instancetype" ? "{devices: {}}" : "{memory: {guest: 1Gi}, devices: {}}";
        running.Create(
            $$$"""
            apiVersion: kubevirt.io/v1
            kind: VirtualMachine
            metadata: {name: web, namespace: shop}
            spec:
              runStrategy: Always
              {{{field}}}: {name: missing, kind: {{{kind}}} }
              template: {spec: {domain: {{{domain}}}, volumes: [{name: root, emptyDisk: {capacity: 1Gi} } ] } }
            """);
        await RunningController.UntilAsync(() => running.Machine("web")?["status"]?["conditions"]?.AsArray()
            .Any(c => (string?)c!["type"] == "Failure" && (string?)c["reason"] == reason) == true);
        running.Server.All("kubevirt.io", "virtualmachineinstances").ShouldBeEmpty();

        var spec = field == "instancetype" ? "{cpu: {guest: 2}, memory: {guest: 1Gi}}" : "{devices: {preferredDiskBus: virtio}}";
        var scope = kind.Contains("Cluster", StringComparison.Ordinal) ? "" : ", namespace: shop";
        running.Create($"{{apiVersion: instancetype.kubevirt.io/v1beta1, kind: {kind}, metadata: {{name: missing{scope}}}, spec: {spec}}}");

        await RunningController.UntilAsync(() => running.Instance("web") is not null);
        var made = running.Instance("web")!["spec"]!["domain"]!;
        (field == "instancetype" ? made["cpu"]!["sockets"]!.ToString() : (string?)made["devices"]!["disks"]![0]!["disk"]!["bus"])
            .ShouldBe(field == "instancetype" ? "2" : "virtio", plural);
    }
}
