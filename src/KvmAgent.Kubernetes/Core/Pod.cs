using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Core;

/// <summary>core/v1 Pod.</summary>
public sealed record Pod : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public required ObjectMeta Metadata { get; init; }

    public PodSpec? Spec { get; init; }

    public PodStatus? Status { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record PodSpec
{
    public IReadOnlyList<Container>? InitContainers { get; init; }

    public IReadOnlyList<Container>? Containers { get; init; }

    public IReadOnlyList<Volume>? Volumes { get; init; }

    public string? NodeName { get; init; }

    public string? RestartPolicy { get; init; }

    public string? Hostname { get; init; }

    public string? Subdomain { get; init; }

    public bool? EnableServiceLinks { get; init; }

    public bool? AutomountServiceAccountToken { get; init; }

    public long? TerminationGracePeriodSeconds { get; init; }

    public JsonObject? SecurityContext { get; init; }

    public IReadOnlyList<LocalObjectReference>? ImagePullSecrets { get; init; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }

    public JsonObject? Affinity { get; init; }

    public JsonArray? Tolerations { get; init; }

    public JsonArray? TopologySpreadConstraints { get; init; }

    public string? PriorityClassName { get; init; }

    public string? SchedulerName { get; init; }

    public string? DnsPolicy { get; init; }

    public JsonObject? DnsConfig { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record LocalObjectReference(string? Name);

public sealed record Container
{
    public required string Name { get; init; }

    public string? Image { get; init; }

    public string? ImagePullPolicy { get; init; }

    public IReadOnlyList<string>? Command { get; init; }

    public IReadOnlyList<string>? Args { get; init; }

    public IReadOnlyList<EnvVar>? Env { get; init; }

    public IReadOnlyList<ContainerPort>? Ports { get; init; }

    public ResourceRequirements? Resources { get; init; }

    public JsonObject? SecurityContext { get; init; }

    public IReadOnlyList<VolumeMount>? VolumeMounts { get; init; }

    public IReadOnlyList<VolumeDevice>? VolumeDevices { get; init; }

    public JsonObject? ReadinessProbe { get; init; }

    public JsonObject? LivenessProbe { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

public sealed record EnvVar(string Name, string? Value)
{
    public JsonObject? ValueFrom { get; init; }
}

public sealed record ContainerPort(int Port)
{
    [JsonPropertyName("containerPort")]
    public int Port { get; init; } = Port;

    public string? Name { get; init; }

    public string? Protocol { get; init; }
}

/// <summary>By resource.</summary>
public sealed record ResourceRequirements
{
    public IReadOnlyDictionary<string, Quantity>? Requests { get; init; }

    public IReadOnlyDictionary<string, Quantity>? Limits { get; init; }
}

public sealed record VolumeMount(string Name, string MountPath)
{
    public bool? ReadOnly { get; init; }

    public string? SubPath { get; init; }
}

public sealed record VolumeDevice(string Name, string DevicePath);

/// <summary>A pod's volume: its name, and one source of the many kinds that there are.</summary>
public sealed record Volume
{
    public required string Name { get; init; }

    /// <summary>The source under its name, as <c>emptyDir: {}</c>.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Source { get; set; }

    /// <param name="kind">The source's name.</param>
    public static Volume Of(string name, string kind, JsonObject source) =>
        new() { Name = name, Source = new Dictionary<string, JsonElement> { [kind] = JsonElement.Parse(source.ToJsonString()) } };
}

public sealed record PodStatus
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? PodIP { get; init; }

    public IReadOnlyList<PodIp>? PodIPs { get; init; }

    public string? QosClass { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; init; }

    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>In the order in which they are started.</summary>
    [JsonIgnore]
    public IEnumerable<ContainerStatus> AllContainerStatuses => (InitContainerStatuses ?? []).Concat(ContainerStatuses ?? []);
}

public sealed record PodIp(string Ip);

public sealed record ContainerStatus
{
    public required string Name { get; init; }

    public bool? Ready { get; init; }

    public int? RestartCount { get; init; }

    public string? ImageID { get; init; }

    public ContainerState? State { get; init; }

    public ContainerState? LastState { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>One of the three.</summary>
public sealed record ContainerState
{
    public ContainerWaiting? Waiting { get; init; }

    public ContainerRunning? Running { get; init; }

    public ContainerTerminated? Terminated { get; init; }
}

public sealed record ContainerWaiting(string? Reason, string? Message);

public sealed record ContainerRunning(DateTimeOffset? StartedAt);

public sealed record ContainerTerminated
{
    public int ExitCode { get; init; }

    public int? Signal { get; init; }

    public string? Reason { get; init; }

    /// <summary>The container's termination message.</summary>
    public string? Message { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }
}
