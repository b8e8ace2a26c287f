using System.Text.Json;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Inventory;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Inventory;

/// <summary>A line of the list, of objects as KubeVirt's API has them.</summary>
public sealed class VmSummariesTests
{
    [Theory]
    [InlineData("Running", "running")]
    [InlineData("Migrating", "running")]
    [InlineData("Paused", "paused")]
    [InlineData("Stopped", "stopped")]
    [InlineData("Terminating", "stopping")]
    [InlineData("Provisioning", "starting")]
    [InlineData("CrashLoopBackOff", "failed")]
    [InlineData("ErrorPvcNotFound", "failed")]
    [InlineData("SomethingNew", "unknown")]
    public void A_machines_power_is_what_it_prints(string printed, string power)
    {
        var line = VmSummaries.Of("local", Machine($"status: {{printableStatus: {printed} }}"), null)!;
        (line.Status, line.PowerState, line.Kind).ShouldBe((printed, power, "VirtualMachine"));
    }

    [Theory]
    [InlineData("{}", "", "starting", "Pending")]
    [InlineData("{phase: Scheduling}", "", "starting", "Scheduling")]
    [InlineData("{phase: Running}", "", "running", "Running")]
    [InlineData("{phase: Running, conditions: [{type: Paused, status: 'True'}]}", "", "paused", "Paused")]
    [InlineData("{phase: Running}", "deletionTimestamp: '2026-01-01T00:00:00Z', ", "stopping", "Terminating")]
    [InlineData("{phase: Succeeded}", "", "stopped", "Succeeded")]
    [InlineData("{phase: Failed}", "", "failed", "Failed")]
    [InlineData("{phase: Unknown}", "", "unknown", "Unknown")]
    public void An_instance_alone_has_its_phases(string status, string metadata, string power, string printed)
    {
        var line = VmSummaries.Of("local", null, Instance(status, metadata))!;
        (line.PowerState, line.Status, line.Kind, line.RunStrategy).ShouldBe((power, printed, "VirtualMachineInstance", null));
    }

    [Fact]
    public void The_instance_says_where_it_is_and_how_large()
    {
        var line = VmSummaries.Of("east", Machine("status: {printableStatus: Running, ready: true}"), Instance(
            "{phase: Running, nodeName: n1, interfaces: [{ipAddress: 10.0.0.7, ipAddresses: [10.0.0.7, 'fd00::7']}], guestOSInfo: {name: Debian, prettyName: Debian 12}, "
            + "currentCPUTopology: {cores: 2, sockets: 2, threads: 1}, memory: {guestCurrent: 2Gi}}"))!;
        (line.Id, line.Provider, line.Node, line.Cpus, line.MemoryBytes, line.GuestOs, line.Ready, line.InstanceUid)
            .ShouldBe(("shop/web", "east", "n1", 4, 2L << 30, "Debian 12", true, "i1"));
        line.IpAddresses.ShouldBe(["10.0.0.7", "fd00::7"]);
    }

    [Fact]
    public void A_stopped_machine_is_as_large_as_its_template_says()
    {
        var line = VmSummaries.Of("local", Machine("status: {printableStatus: Stopped}"), null)!;
        (line.Cpus, line.MemoryBytes, line.Message, line.RunStrategy).ShouldBe((2, 1L << 30, null, "Halted"));
    }

    [Fact]
    public void What_is_wrong_is_said()
    {
        const string conditions = "conditions: [{type: Ready, status: 'False', message: not yet}, {type: Failure, status: 'True', message: no such class}]";
        VmSummaries.Of("local", Machine($"status: {{printableStatus: ErrorUnschedulable, {conditions} }}"), null)!.Message.ShouldBe("no such class");
        VmSummaries.Of("local", Machine($"status: {{printableStatus: Running, {conditions} }}"), null)!.Message.ShouldBeNull();
    }

    /// <summary>As virt-controller writes them (main, August 2026).</summary>
    [Theory]
    [InlineData("Stopped", "{type: Ready, status: 'False', message: VMI does not exist}, {type: Failure, status: 'True', message: 'no instancetype \"nosuch\"'}", "no instancetype \"nosuch\"")]
    [InlineData("Stopped", "{type: Ready, status: 'False', message: VMI does not exist}", null)]
    [InlineData("ErrorUnschedulable", "{type: Ready, status: 'False', message: Guest VM is not reported as running}, {type: PodScheduled, status: 'False', message: 0/1 nodes are available}", "0/1 nodes are available")]
    [InlineData("ErrorPvcNotFound", "{type: Ready, status: 'False', message: virt-launcher pod has not yet been scheduled}, {type: Synchronized, status: 'False', message: PVC a/b does not exist}", "PVC a/b does not exist")]
    [InlineData("Starting", "{type: Ready, status: 'False', message: Guest VM is not reported as running}, {type: PodScheduled, status: 'True', message: it is}", "Guest VM is not reported as running")]
    public void What_is_wrong_is_said_where_kubevirt_says_it(string printed, string conditions, string? said) =>
        VmSummaries.Of("east", Machine($"status: {{printableStatus: {printed}, conditions: [{conditions}] }}"), null)!.Message.ShouldBe(said);

    [Fact]
    public void Of_nothing_there_is_no_line() => VmSummaries.Of("local", null, null).ShouldBeNull();

    private static VirtualMachine Machine(string status) => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachine
        metadata: {name: web, namespace: shop, uid: m1}
        spec: {runStrategy: Halted, template: {spec: {domain: {cpu: {cores: 2}, resources: {requests: {memory: 1Gi} }, devices: {} } } } }
        {{status}}
        """).Single().Deserialize(ApiJson.Default.VirtualMachine)!;

    private static VirtualMachineInstance Instance(string status, string metadata = "") => Yaml.Documents(
        $$"""
        apiVersion: kubevirt.io/v1
        kind: VirtualMachineInstance
        metadata: { {{metadata}}name: web, namespace: shop, uid: i1}
        spec: {domain: {devices: {} } }
        status: {{status}}
        """).Single().Deserialize(ApiJson.Default.VirtualMachineInstance)!;
}
