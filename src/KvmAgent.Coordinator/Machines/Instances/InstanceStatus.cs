using System.Globalization;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>An instance's status from its pod and its agent.</summary>
internal static class InstanceStatus
{
    public const string Ready = "Ready", Synchronized = "Synchronized", Paused = "Paused", PodScheduled = "PodScheduled",
        AgentConnected = "AgentConnected", SoftwareEmulation = "SoftwareEmulation", LiveMigratable = "LiveMigratable",
        ProvisioningDisks = "Provisioning", DataVolumesReady = "DataVolumesReady", Unrealised = "FieldsNotRealised";

    private const string NotYet = "the guest does not run yet";

    /// <summary>Told by the agent alone, and so kept while it is away.</summary>
    private static readonly string[] Told = [Paused, AgentConnected, SoftwareEmulation];

    /// <summary>How long the agent of a ready pod is waited for.</summary>
    private static readonly TimeSpan LinkLimit = TimeSpan.FromSeconds(30);

    /// <summary>How late a node may be in ending a pod.</summary>
    public static readonly TimeSpan Overdue = TimeSpan.FromSeconds(60);

    private static readonly string[] Ours =
        [Ready, Synchronized, Paused, PodScheduled, AgentConnected, SoftwareEmulation, LiveMigratable, ProvisioningDisks, DataVolumesReady, Unrealised];

    public static VmiStatus Waiting(InstanceView view, string reason, string message) => Build(view, VmiPhases.Pending, conditions =>
    {
        conditions.Set(Ready, false, "GuestNotRunning", NotYet);
        conditions.Set(Synchronized, false, reason, message);
    });

    /// <summary>While claims of the instance are being filled.</summary>
    public static VmiStatus Provisioning(InstanceView view, string message) => Build(view, VmiPhases.Pending, conditions =>
    {
        conditions.Set(Ready, false, "GuestNotRunning", NotYet);
        conditions.Set(ProvisioningDisks, true);
        conditions.Set(DataVolumesReady, false, "NotAllDVsReady", message);
    });

    public static VmiStatus Failed(InstanceView view, string reason, string message) => Build(view, VmiPhases.Failed, conditions =>
    {
        conditions.Set(Ready, false, reason, message);
        conditions.Set(Synchronized, false, reason, message);
    }) with
    {
        Reason = reason,
    };

    /// <summary>As of the pod's creation; its UID is recorded when the server has given it.</summary>
    public static VmiStatus Scheduling(InstanceView view) => GuestDetails.Planned(
        Build(view, VmiPhases.Scheduling, static conditions => conditions.Set(Ready, false, "GuestNotRunning", NotYet)), view);

    /// <summary>Its node is told once it runs, as KubeVirt does: its binding alone is not worth a write.</summary>
    public static VmiStatus WithPod(VmiStatus status, Pod pod)
    {
        var node = status.Phase == VmiPhases.Scheduling ? null : pod.Spec?.NodeName;
        return status with { ActivePods = new Dictionary<string, string> { [pod.Metadata.Uid!] = node ?? "" }, NodeName = node, QosClass = pod.Status?.QosClass };
    }

    /// <summary>The status while there is a pod, and what is new in it.</summary>
    public static (VmiStatus Status, IReadOnlyList<MachineEvent> Events) Follow(InstanceView view)
    {
        var pod = view.Pod!;
        if (pod.Status?.Phase is "Succeeded" or "Failed")
        {
            return Ended(view, pod);
        }

        // An agent that has no link any more may run on: what it said last holds until the pod says otherwise.
        var agent = view.Agent is { } a && a.PodUid == pod.Metadata.Uid ? a.Status : null;
        var before = view.Instance.Status?.Phase;
        var phase = agent?.Phase is VmPhase.Running or VmPhase.Paused or VmPhase.ShuttingDown ? VmiPhases.Running
            : before == VmiPhases.Running || (agent is null && IsReadyWithoutLink(view, pod)) ? VmiPhases.Running
            : pod.Status?.Phase == "Running" ? VmiPhases.Scheduled
            : VmiPhases.Scheduling;
        var status = Build(view, phase, conditions => Describe(conditions, view, pod, agent, phase));
        status = GuestDetails.Add(WithPod(status, pod), view, pod, phase == VmiPhases.Running ? agent : null);
        return (status, Events(view, agent, before, phase));
    }

    private static void Describe(Conditions conditions, InstanceView view, Pod pod, VmStatus? agent, string phase)
    {
        var (ready, reason, message) = IsReady(view, pod, agent, phase);
        conditions.Set(Ready, ready, reason, message);
        if (Conditions.Find(pod.Status?.Conditions, PodScheduled) is { Status: Condition.False } unscheduled)
        {
            conditions.Mirror(unscheduled);
        }

        if (ContainerTrouble.Of(pod) is { } trouble)
        {
            conditions.Set(Synchronized, false, trouble.Reason, trouble.Message);
        }

        if (agent is null)
        {
            foreach (var told in Told.Select(t => Conditions.Find(view.Instance.Status?.Conditions, t)).OfType<Condition>())
            {
                conditions.Mirror(told);
            }
        }

        if (agent?.Phase == VmPhase.Paused)
        {
            conditions.Set(Paused, true, "PausedByUser", "VMI was paused by user");
        }

        if (agent?.GuestAgent is { Answers: true })
        {
            conditions.Set(AgentConnected, true);
        }

        if (phase == VmiPhases.Running)
        {
            if (agent?.Machine is { Accelerator: "tcg" } machine)
            {
                conditions.Set(SoftwareEmulation, true, "NoKvm", machine.AcceleratorReason);
            }

            conditions.Set(LiveMigratable, false, "NotSupported", "live migration is not supported");
        }
    }

    private static (bool Ready, string? Reason, string? Message) IsReady(InstanceView view, Pod pod, VmStatus? agent, string phase)
    {
        if (pod.Metadata.DeletionTimestamp is { } deleted)
        {
            return view.Now > deleted + Overdue
                ? (false, "NodeLost", $"node {pod.Spec?.NodeName} has not ended the pod, though it should have by {deleted.ToString("u", CultureInfo.InvariantCulture)}; "
                    + "the guest may still run there, so nothing else is started")
                : (false, "PodTerminating", "the guest is being shut down");
        }

        if (pod.Status?.Reason == "NodeLost")
        {
            return (false, "NodeLost", $"node {pod.Spec?.NodeName} does not answer; the guest may still run there");
        }

        return agent switch
        {
            { Ready: true } when IsProbed(view) && !IsPodReady(pod) => (false, "PodNotReady", "the guest runs, but its readiness probe fails"),
            { Ready: true } => (true, null, null),
            { Phase: VmPhase.Paused } => (false, "Paused", "the guest is paused"),
            { Phase: VmPhase.Running } => (false, "GuestNotReady", "the guest has not asked for its address yet, or its agent does not answer"),
            { Phase: VmPhase.ShuttingDown } => (false, "ShuttingDown", "the guest is shutting down"),
            { } other => (false, "GuestNotRunning", other.Reason ?? NotYet),
            null when phase == VmiPhases.Running => IsPodReady(pod) ? (true, null, null) : WithoutContainer(pod) ?? Kept(view),
            null => (false, "GuestNotRunning", NotYet),
        };
    }

    /// <summary>The kubelet's probe asks the agent's file, and so knows that the guest runs; but its agent, where it dials, tells more, and soon.</summary>
    private static bool IsReadyWithoutLink(InstanceView view, Pod pod) =>
        IsPodReady(pod) && (!view.LinkExpected || UntilSureWithoutLink(view) is { } left && left <= TimeSpan.Zero);

    /// <summary>How long a ready pod's agent is waited for.</summary>
    /// <returns>Null where the pod is not ready, or does not say since when.</returns>
    public static TimeSpan? UntilSureWithoutLink(InstanceView view) =>
        Conditions.Find(view.Pod?.Status?.Conditions, Ready) is { Status: Condition.True, LastTransitionTime: { } since } ? since + LinkLimit - view.Now : null;

    private static bool IsPodReady(Pod pod) => Conditions.IsTrue(pod.Status?.Conditions, Ready);

    /// <summary>Whether the kubelet asks the guest itself, as its owner wished.</summary>
    private static bool IsProbed(InstanceView view) => view.Instance.Spec?.ReadinessProbe is { HttpGet: not null } or { TcpSocket: not null };

    /// <summary>A container that the kubelet starts again and again, as it does in others' pods, has no guest in it meanwhile.</summary>
    private static (bool Ready, string? Reason, string? Message)? WithoutContainer(Pod pod) =>
        ContainerTrouble.Of(pod) is { } trouble ? (false, trouble.Reason, trouble.Message) : null;

    /// <summary>Without a word from the agent nothing has changed.</summary>
    private static (bool Ready, string? Reason, string? Message) Kept(InstanceView view)
    {
        var before = Conditions.Find(view.Instance.Status?.Conditions, Ready);
        return (before?.Status == Condition.True, before?.Reason, before?.Message);
    }

    private static (VmiStatus Status, IReadOnlyList<MachineEvent> Events) Ended(InstanceView view, Pod pod)
    {
        var end = PodEnd.Of(pod);
        var phase = end.Succeeded ? VmiPhases.Succeeded : VmiPhases.Failed;
        var status = Build(view, phase, conditions =>
        {
            conditions.Set(Ready, false, end.Reason, end.Message);
            if (!end.Succeeded)
            {
                conditions.Set(Synchronized, false, end.Reason, end.Message);
            }
        });
        status = WithPod(status, pod) with { Reason = end.Succeeded ? null : end.Reason };
        return (status, [end.Succeeded
            ? new(Event.Normal, "Stopped", "The VirtualMachineInstance was shut down.")
            : new(Event.Warning, "Stopped", $"The VirtualMachineInstance crashed: {end.Message}")]);
    }

    private static List<MachineEvent> Events(InstanceView view, VmStatus? agent, string? before, string phase)
    {
        var events = new List<MachineEvent>();
        if (phase == VmiPhases.Running && before != VmiPhases.Running)
        {
            events.Add(new(Event.Normal, "Created", "VirtualMachineInstance defined."));
            events.Add(new(Event.Normal, "Started", "VirtualMachineInstance started."));
        }

        var was = Conditions.Find(view.Instance.Status?.Conditions, Ready)?.Reason;
        if (agent?.Phase == VmPhase.ShuttingDown && was is not ("ShuttingDown" or "PodTerminating"))
        {
            events.Add(new(Event.Normal, "ShuttingDown", "Signaled Graceful Shutdown"));
        }

        return events;
    }

    private static VmiStatus Build(InstanceView view, string phase, Action<Conditions> describe)
    {
        var status = view.Instance.Status ?? new VmiStatus();
        var conditions = new Conditions(status.Conditions, Ours, view.Now);
        describe(conditions);
        if (view.Instance.Spec is { } spec && UnrealisedFields.Of(spec) is { Count: > 0 } fields)
        {
            conditions.Set(Unrealised, true, "NotSupported", string.Join("; ", fields));
        }

        return status with { Phase = phase, PhaseTransitionTimestamps = Transitions(view, status, phase), Conditions = conditions.All };
    }

    private static IReadOnlyList<PhaseTransition> Transitions(InstanceView view, VmiStatus status, string phase)
    {
        IReadOnlyList<PhaseTransition> known = status.PhaseTransitionTimestamps
            ?? [new PhaseTransition(VmiPhases.Pending, view.Instance.Metadata.CreationTimestamp ?? view.Now)];
        return known[^1].Phase == phase ? known : [.. known, new PhaseTransition(phase, view.Now)];
    }
}
