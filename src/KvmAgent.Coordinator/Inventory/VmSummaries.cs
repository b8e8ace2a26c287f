using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Inventory;

/// <summary>A machine and its instance as one line. It reads what KubeVirt's API says, and nothing of ours.</summary>
internal static class VmSummaries
{
    private static readonly Dictionary<string, string> None = [];

    private const string Paused = "Paused", Ready = "Ready", Failure = "Failure", Unknown = "Unknown";

    /// <summary>What says more than <see cref="Ready"/> where it is false: of KubeVirt that one knows no reason but that no guest runs.</summary>
    private static readonly string[] Reasons = ["Synchronized", "PodScheduled"];

    /// <returns>Null where there is neither.</returns>
    public static VmSummary? Of(string provider, VirtualMachine? machine, VirtualMachineInstance? instance)
    {
        if ((machine?.Metadata ?? instance?.Metadata) is not { } metadata)
        {
            return null;
        }

        var status = machine is null ? InstanceStatus(instance!) : machine.Status?.PrintableStatus ?? Unknown;
        var power = machine is null ? InstancePower(instance!) : MachinePower(status);
        var spec = instance?.Spec ?? machine?.Spec?.Template.Spec;
        return new VmSummary
        {
            Provider = provider,
            Namespace = RepeatedTexts.Of(metadata.Namespace ?? ""),
            Name = metadata.Name ?? "",
            Uid = metadata.Uid,
            InstanceUid = instance?.Metadata.Uid,
            Kind = machine is null ? Kinds.VirtualMachineInstances.Kind : Kinds.VirtualMachines.Kind,
            Status = RepeatedTexts.Of(status),
            PowerState = power,
            Ready = machine is null ? Find(instance!.Status?.Conditions, Ready)?.Status == Condition.True : machine.Status?.Ready == true,
            RunStrategy = machine?.Spec?.EffectiveRunStrategy,
            Node = instance?.Status?.NodeName is { Length: > 0 } node ? RepeatedTexts.Of(node) : null,
            IpAddresses = Addresses(instance?.Status),
            Cpus = Cpus(spec?.Domain, instance?.Status),
            MemoryBytes = Memory(spec?.Domain, instance?.Status),
            GuestOs = instance?.Status?.GuestOSInfo is { } os ? RepeatedTexts.Of(os.PrettyName ?? os.Name) : null,
            Labels = metadata.Labels is { Count: > 0 } labels ? labels.ToDictionary(static l => RepeatedTexts.Of(l.Key), static l => RepeatedTexts.Of(l.Value)) : None,
            CreatedAt = metadata.CreationTimestamp,
            Message = power is PowerStates.Running or PowerStates.Paused ? null : Message(machine?.Status?.Conditions ?? instance?.Status?.Conditions, power),
        };
    }

    private static string MachinePower(string status) => status switch
    {
        "Running" or "Migrating" => PowerStates.Running,
        "Paused" => PowerStates.Paused,
        "Stopped" => PowerStates.Stopped,
        "Stopping" or "Terminating" => PowerStates.Stopping,
        "Starting" or "Provisioning" or "WaitingForVolumeBinding" or "WaitingForReceiver" => PowerStates.Starting,
        "CrashLoopBackOff" or "ErrorUnschedulable" or "ErrImagePull" or "ImagePullBackOff" or "ErrorPvcNotFound" or "DataVolumeError" => PowerStates.Failed,
        _ => PowerStates.Unknown,
    };

    private static string InstanceStatus(VirtualMachineInstance instance) =>
        instance.Metadata.DeletionTimestamp is not null ? "Terminating"
        : IsPaused(instance) ? Paused
        : instance.Status?.Phase is { Length: > 0 } phase ? phase
        : VmiPhases.Pending;

    private static string InstancePower(VirtualMachineInstance instance) => instance.Status?.Phase switch
    {
        VmiPhases.Succeeded => PowerStates.Stopped,
        VmiPhases.Failed => PowerStates.Failed,
        _ when instance.Metadata.DeletionTimestamp is not null => PowerStates.Stopping,
        VmiPhases.Running => IsPaused(instance) ? PowerStates.Paused : PowerStates.Running,
        null or "" or VmiPhases.Pending or VmiPhases.Scheduling or VmiPhases.Scheduled => PowerStates.Starting,
        _ => PowerStates.Unknown,
    };

    private static bool IsPaused(VirtualMachineInstance instance) => Find(instance.Status?.Conditions, Paused)?.Status == Condition.True;

    /// <summary>A machine that cannot be started is <c>Stopped</c> to KubeVirt, and says why all the same.</summary>
    private static string? Message(IReadOnlyList<Condition>? conditions, string power) =>
        Find(conditions, Failure) is { Status: Condition.True, Message: { Length: > 0 } failure } ? failure
        : power == PowerStates.Stopped ? null
        : Reasons.Select(type => Find(conditions, type)).FirstOrDefault(static c => c is { Status: Condition.False, Message.Length: > 0 })?.Message
            ?? (Find(conditions, Ready) is { Status: not Condition.True, Message: { Length: > 0 } ready } ? ready : null);

    private static Condition? Find(IReadOnlyList<Condition>? conditions, string type) => conditions?.FirstOrDefault(c => c.Type == type);

    private static IReadOnlyList<string> Addresses(VmiStatus? status) => status?.Interfaces is not { Count: > 0 } interfaces ? []
        : [.. interfaces.SelectMany(static i => i.IpAddresses ?? (i.IpAddress is { } one ? [one] : [])).Where(static a => a.Length > 0).Distinct()];

    private static int? Cpus(Domain? domain, VmiStatus? status) =>
        status?.CurrentCPUTopology is { Cores: { } cores } topology ? cores * (topology.Sockets ?? 1) * (topology.Threads ?? 1)
        : domain?.Cpu?.Count;

    private static long? Memory(Domain? domain, VmiStatus? status)
    {
        if (status?.Memory?.GuestCurrent is { } current && new Quantity(current).TryBytes(out var now))
        {
            return now;
        }

        var told = domain?.Memory?.Guest ?? (domain?.Resources?.Requests?.TryGetValue("memory", out var request) == true ? request : null);
        return told is { } quantity && quantity.TryBytes(out var bytes) ? bytes : null;
    }
}
