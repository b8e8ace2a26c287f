using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Api;

/// <summary>
/// kubevirt.io VirtualMachineInstance: a machine that runs or ran. What has a name in these types is realised; whatever else KubeVirt's
/// own types know is kept in <c>Unknown</c>, and <see cref="UnrealisedFields"/> says so on the object.
/// </summary>
[Description("A virtual machine that runs, or ran, in a pod of its own.")]
public sealed record VirtualMachineInstance : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public VmiSpec? Spec { get; init; }

    public VmiStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

[Rule("!has(self.volumes) || self.volumes.all(v, self.volumes.filter(w, w.name == v.name).size() == 1)", "two volumes have the same name")]
[Rule(
    "!has(self.domain.devices) || !has(self.domain.devices.disks) || self.domain.devices.disks.all(d, has(self.volumes) && self.volumes.exists(v, v.name == d.name))",
    "each disk needs a volume of the same name in spec.volumes")]
[Rule("!has(self.networks) || self.networks.size() <= 1", "only one network is supported: the pod's")]
public sealed record VmiSpec
{
    public required Domain Domain { get; init; }

    [MaxItems(64)]
    public IReadOnlyList<VmVolume>? Volumes { get; init; }

    [MaxItems(8)]
    public IReadOnlyList<VmNetwork>? Networks { get; init; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }

    public JsonObject? Affinity { get; init; }

    public JsonArray? Tolerations { get; init; }

    public JsonArray? TopologySpreadConstraints { get; init; }

    public string? PriorityClassName { get; init; }

    public string? SchedulerName { get; init; }

    [Description("The guest's host name; that of the object where it is missing.")]
    [Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), MaxLength(63)]
    public string? Hostname { get; init; }

    public string? Subdomain { get; init; }

    public string? DnsPolicy { get; init; }

    public JsonObject? DnsConfig { get; init; }

    [Description("How long the guest may take to shut down; 30 where it is missing.")]
    [Minimum(0)]
    public long? TerminationGracePeriodSeconds { get; init; }

    [MaxItems(32)]
    public IReadOnlyList<AccessCredential>? AccessCredentials { get; init; }

    public VmProbe? ReadinessProbe { get; init; }

    public VmProbe? LivenessProbe { get; init; }

    [Description("Paused: the guest's CPUs do not run before somebody unpauses them.")]
    [OneOf("Paused")]
    public string? StartStrategy { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>Of a probe only httpGet, tcpSocket and guestAgentPing are realised: they need nothing inside the guest.</summary>
public sealed record VmProbe
{
    public JsonObject? HttpGet { get; init; }

    public JsonObject? TcpSocket { get; init; }

    public JsonObject? GuestAgentPing { get; init; }

    public int? InitialDelaySeconds { get; init; }

    public int? TimeoutSeconds { get; init; }

    public int? PeriodSeconds { get; init; }

    public int? SuccessThreshold { get; init; }

    public int? FailureThreshold { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record AccessCredential
{
    public SshPublicKeyCredential? SshPublicKey { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record SshPublicKeyCredential
{
    public required SshPublicKeySource Source { get; init; }

    public SshPublicKeyPropagation? PropagationMethod { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record SshPublicKeySource
{
    public SecretReference? Secret { get; init; }
}

public sealed record SecretReference(string SecretName);

/// <summary>Both cloud-init ways are realised, each by the drive's metadata; that of the guest agent is not.</summary>
public sealed record SshPublicKeyPropagation
{
    public JsonObject? NoCloud { get; init; }

    public JsonObject? ConfigDrive { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record VmNetwork
{
    [MaxLength(63)]
    public required string Name { get; init; }

    public PodNetwork? Pod { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PodNetwork
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}
