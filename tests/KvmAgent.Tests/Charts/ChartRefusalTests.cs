using KvmAgent.TestSupport.Charts;
using static KvmAgent.Tests.Charts.AgentChart;

namespace KvmAgent.Tests.Charts;

/// <summary>Values that could never make a VM are refused before anything is installed, with what to do.</summary>
public sealed class ChartRefusalTests
{
    private const string Image = "image.source=https://images.example/debian.qcow2";

    [HelmTheory]
    [InlineData("vm.memry=1Gi", "vm: Additional property memry is not allowed")]
    [InlineData("vm.machine=q36", "vm.machine must be one of the following")]
    [InlineData("vm.cpus=0", "vm.cpus: Must be greater than or equal to 1")]
    [InlineData("vm.memory=lots", "vm.memory: Does not match pattern")]
    [InlineData("vm.name=Web", "vm.name: Does not match pattern")]
    [InlineData("vm.dir=vm", "vm.dir: Does not match pattern")]
    [InlineData("image.source=ftp://images.example/a", "image.source: Does not match pattern")]
    [InlineData("image.target=../a", "image.target: Does not match pattern")]
    [InlineData("image.checksum=md5:00", "image.checksum: Does not match pattern")]
    [InlineData("image.allowAddress={images.example}", "image.allowAddress.0: Does not match pattern")]
    [InlineData("network.podPorts={8080/icmp}", "network.podPorts.0: Does not match pattern")]
    [InlineData("network.podPorts={70000}", "network.podPorts.0: Must be less than or equal to 65535")]
    [InlineData("gracePeriod=soon", "gracePeriod: Does not match pattern")]
    [InlineData("updateStrategy=Recreate", "updateStrategy must be one of the following")]
    [InlineData("service.type=None", "service.type must be one of the following")]
    [InlineData("blockVolumes[0].name=data", "blockVolumes.0.name: Does not match pattern")]
    [InlineData("coordinator.url=http://coordinator", "coordinator.url: Does not match pattern")]
    [InlineData("coordinator.audience=", "coordinator.audience: String length must be greater than or equal to 1")]
    [InlineData("configDrive.sshKeySecrets={Keys}", "configDrive.sshKeySecrets.0: Does not match pattern")]
    [InlineData("vnc.enabled=maybe", "vnc.enabled: Invalid type. Expected: boolean, given: string")]
    public async Task The_schema_refuses(string values, string error) => await Helm.RefusesAsync($"{Image},{values}", error);

    [HelmTheory]
    [InlineData("vm.cpus=1", "there is nothing to boot from: set image.source")]
    [InlineData(Image + ",vm.accel=kvm", "an unprivileged pod has no /dev/kvm: set kvm.enabled=true")]
    [InlineData(Image + ",specFile.machine.accel=kvm", "an unprivileged pod has no /dev/kvm: set kvm.enabled=true")]
    [InlineData(Image + ",kvm.enabled=true,kvm.resource=", "kvm.enabled=true with an empty kvm.resource")]
    [InlineData(Image + ",vnc.password=123456789a", "vnc.password has 10 bytes: VNC takes 8 at most")]
    [InlineData(Image + ",vnc.password=üüüüü", "vnc.password has 10 bytes: VNC takes 8 at most")]
    [InlineData(Image + ",vnc.password=a,vnc.passwordSecret.name=b", "vnc.password and vnc.passwordSecret.name are both set")]
    [InlineData(Image + ",service.vnc=true,vnc.enabled=false", "service.vnc=true, but there is no VNC")]
    [InlineData(Image + ",specFile.vnc.disabled=true", "specFile.vnc is the chart's to decide")]
    [InlineData(Image + ",coordinator.ca.secret=a", "coordinator.ca.secret is set, but there is no coordinator: set coordinator.url")]
    [InlineData(Image + ",coordinator.url=https://a,coordinator.ca.secret=a,coordinator.ca.value=b", "coordinator.ca has more than one source (secret, value)")]
    [InlineData(Image + ",specFile.coordinator.url=https://a", "specFile.coordinator is the chart's to decide")]
    [InlineData(Image + ",configDrive.format=none,configDrive.sshKeySecrets={a}", "configDrive.sshKeySecrets is set, but configDrive.format=none")]
    [InlineData(Image + ",service.type=LoadBalancer,service.ports=null", "service.type=LoadBalancer needs service.ports")]
    [InlineData(Image + ",configDrive.userdata.value=a,configDrive.userdata.secret=b", "configDrive.userdata has more than one source (secret, value)")]
    [InlineData(Image + ",imageVolume.hostPath=/a,imageVolume.emptyDir=true", "imageVolume has more than one of")]
    [InlineData(Image + ",vmVolume.existingClaim=a,vmVolume.emptyDir=true", "vmVolume has both existingClaim and emptyDir")]
    [InlineData(Image + ",blockVolumes[0].name=disk1", "the block volume disk1 needs an existingClaim or a size")]
    [InlineData(Image + ",specFile.memory.size=lots", "memory \"lots\" is not a quantity")]
    [InlineData(Image + ",specFile.lifecycle.gracePeriod=soon", "gracePeriod \"soon\" is not a duration")]
    public async Task The_chart_refuses(string values, string error) => await Helm.RefusesAsync(values, error);

    [HelmFact]
    public async Task All_errors_come_at_once()
    {
        var error = (await Helm.TryTemplateAsync("--set", "vm.accel=kvm,vnc.password=123456789a")).Error;

        error.ShouldContain("nothing to boot from");
        error.ShouldContain("/dev/kvm");
        error.ShouldContain("vnc.password");
    }

    [HelmTheory]
    [InlineData("image.target=debian.qcow2")]
    [InlineData("vm.cdrom=/iso/install.iso,disk.size=10Gi")]
    [InlineData("blockVolumes[0].name=root,blockVolumes[0].size=10Gi")]
    [InlineData("specFile.disks[0].name=a,specFile.disks[0].source=/a")]
    [InlineData("specFile.image.source=https://images.example/debian.qcow2")]
    [InlineData("extraEnv[0].name=IMG_SOURCE,extraEnv[0].valueFrom.secretKeyRef.name=a")]
    public async Task There_are_many_things_to_boot_from(string values) => await Helm.TemplateAsync("--set", values);
}
