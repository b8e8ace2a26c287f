using System.Text.Json;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Tests.Api;

/// <summary>The names that KubeVirt's clients read: kubevirt.io/api/core/v1 types.go, as of d923fdb.</summary>
public sealed class StatusNamesTests
{
    [Fact]
    public void An_instances_status_has_kubevirts_names()
    {
        var status = new VmiStatus
        {
            Phase = "Running",
            Reason = "r",
            NodeName = "node1",
            QosClass = "Burstable",
            ActivePods = new Dictionary<string, string> { ["uid"] = "node1" },
            PhaseTransitionTimestamps = [new PhaseTransition("Running", DateTimeOffset.UnixEpoch)],
            Interfaces = [new VmiInterfaceStatus { Name = "default", Mac = "m", IpAddress = "i", IpAddresses = ["i"], InterfaceName = "eth0", InfoSource = "domain", QueueCount = 1 }],
            GuestOSInfo = new GuestOsInfo { Name = "n", KernelRelease = "k", Version = "v", PrettyName = "p", VersionId = "vi", KernelVersion = "kv", Machine = "m", Id = "id" },
            VolumeStatus = [new VmiVolumeStatus { Name = "root", Target = "vda", PersistentVolumeClaimInfo = new PersistentVolumeClaimInfo { ClaimName = "c", AccessModes = ["ReadWriteOnce"], VolumeMode = "Block" } }],
            Machine = new VmiMachineStatus("q35"),
            CurrentCPUTopology = new CpuTopologyStatus(1, 2, 3),
            Memory = new VmiMemoryStatus { GuestAtBoot = "1Gi", GuestCurrent = "1Gi", GuestRequested = "1Gi" },
        };

        JsonSerializer.Serialize(status, ApiJson.Default.VmiStatus).ShouldBe(
            """{"phase":"Running","reason":"r","phaseTransitionTimestamps":[{"phase":"Running","phaseTransitionTimestamp":"1970-01-01T00:00:00+00:00"}],"nodeName":"node1","activePods":{"uid":"node1"},"interfaces":[{"name":"default","mac":"m","ipAddress":"i","ipAddresses":["i"],"interfaceName":"eth0","infoSource":"domain","queueCount":1}],"guestOSInfo":{"name":"n","prettyName":"p","version":"v","versionId":"vi","kernelRelease":"k","kernelVersion":"kv","machine":"m","id":"id"},"volumeStatus":[{"name":"root","target":"vda","persistentVolumeClaimInfo":{"claimName":"c","accessModes":["ReadWriteOnce"],"volumeMode":"Block"}}],"machine":{"type":"q35"},"currentCPUTopology":{"cores":1,"sockets":2,"threads":3},"memory":{"guestAtBoot":"1Gi","guestCurrent":"1Gi","guestRequested":"1Gi"},"qosClass":"Burstable"}""",
            StringCompareShould.IgnoreLineEndings);
    }

    [Fact]
    public void A_machines_status_has_kubevirts_names()
    {
        var status = new VirtualMachineStatus
        {
            Created = true,
            Ready = true,
            PrintableStatus = "Running",
            RunStrategy = "Always",
            Conditions = [new Condition { Type = "Ready", Status = "True" }],
            StateChangeRequests = [new StateChangeRequest("Stop", "uid") { Data = new Dictionary<string, string> { ["paused"] = "true" } }],
            StartFailure = new StartFailure { ConsecutiveFailCount = 1, LastFailedVMIUID = "uid", RetryAfterTimestamp = DateTimeOffset.UnixEpoch },
            ObservedGeneration = 1,
            DesiredGeneration = 2,
        };

        JsonSerializer.Serialize(status, ApiJson.Default.VirtualMachineStatus).ShouldBe(
            """{"created":true,"ready":true,"printableStatus":"Running","runStrategy":"Always","conditions":[{"type":"Ready","status":"True"}],"stateChangeRequests":[{"action":"Stop","uid":"uid","data":{"paused":"true"}}],"startFailure":{"consecutiveFailCount":1,"lastFailedVMIUID":"uid","retryAfterTimestamp":"1970-01-01T00:00:00+00:00"},"observedGeneration":1,"desiredGeneration":2}""");
    }
}
