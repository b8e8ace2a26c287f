using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Instances;

/// <summary>
/// What to do for an instance, and what its status is.
///
///     no pod ── problem: Pending, or Failed where only another spec helps; a claim is still being filled: Pending
///        │ created, its UID recorded in activePods
///     Scheduling ── bound, containers running: Scheduled ── the agent's guest runs: Running ── the pod ended: Succeeded or Failed
///
/// An instance has one pod in its life. A pod of its name whose UID was not recorded is not trusted, whoever made it (we, and died before
/// we could say so; or a stranger): it is deleted, and another is made when it is gone. Nothing here waits on a finalizer: the garbage
/// collector deletes the pod with its instance, and the next instance of the name waits until no pod of the former is left.
/// An instance that was adopted from a pod has that one: see <see cref="AdoptionDecision"/>.
/// </summary>
internal static class InstanceDecision
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    public static Decision<VmiStatus> Decide(InstanceView view, MachineOptions options)
    {
        if (view.IsAdopted)
        {
            return AdoptionDecision.Follow(view);
        }

        var status = view.Instance.Status ?? new VmiStatus();
        if (VmiPhases.IsFinal(status.Phase))
        {
            return new(status, [], []);
        }

        var recorded = status.ActivePods is { Count: > 0 };
        if (view.Pod is { } pod && !(status.ActivePods?.ContainsKey(pod.Metadata.Uid!) ?? false))
        {
            // After a recorded pod has gone, one of its name is somebody else's affair.
            return recorded ? Gone(view) : Distrust(view, pod);
        }

        return view.Pod is not null ? Follow(view)
            : recorded ? Gone(view)
            : Start(view, options);
    }

    private static Decision<VmiStatus> Start(InstanceView view, MachineOptions options)
    {
        if (view.Instance.Metadata.DeletionTimestamp is not null)
        {
            return new(view.Instance.Status ?? new VmiStatus(), [], []);
        }

        if (view.OtherPods.Count > 0)
        {
            var other = view.OtherPods[0];
            return new(
                InstanceStatus.Waiting(view, "WaitingForFormerPod", FormerPod(other)), [], []);
        }

        var plan = PodTemplate.Create(view.Instance, view.Claims, options);
        if (plan.Problems.Count > 0)
        {
            var permanent = plan.Problems.Any(static p => p.Permanent);
            var first = plan.Problems.First(p => p.Permanent == permanent);
            var message = string.Join("; ", plan.Problems.Select(static p => p.Message));
            return new(
                permanent ? InstanceStatus.Failed(view, first.Reason, message) : InstanceStatus.Waiting(view, first.Reason, message),
                [],
                NewProblem(view, message) ? [new(Event.Warning, "FailedCreate", message)] : [],
                permanent ? null : Retry);
        }

        var unfilled = view.Claims.Values.Where(static c => !ClaimContent.IsFilled(c)).Select(ClaimContent.Describe).ToList();
        if (unfilled.Count > 0)
        {
            // The claim's next change is a look.
            return new(InstanceStatus.Provisioning(view, string.Join("; ", unfilled)), [], []);
        }

        return new(
            InstanceStatus.Scheduling(view),
            [new MachineAction.CreateConfigMap(plan.Config!), new MachineAction.CreatePod(plan.Pod!)],
            [new(Event.Normal, "SuccessfulCreate", $"Created virtual machine pod {plan.Pod!.Metadata.Name}")]);
    }

    private static Decision<VmiStatus> Distrust(InstanceView view, Pod pod) => new(
        InstanceStatus.Waiting(view, "UnknownPod", $"pod {pod.Metadata.Name} is not known to be the instance's; it is deleted, and another made"),
        pod.Metadata.DeletionTimestamp is null ? [new MachineAction.DeletePod(pod.Metadata.Name!, pod.Metadata.Uid!)] : [],
        []);

    /// <summary>As its pod and its agent say.</summary>
    public static Decision<VmiStatus> Follow(InstanceView view)
    {
        var (status, events) = InstanceStatus.Follow(view);
        return new(status, [], events, VmiPhases.IsFinal(status.Phase) ? null : UntilOverdue(view) ?? UntilSure(view, status));
    }

    /// <summary>No change tells that a node has not ended a pod in time.</summary>
    private static TimeSpan? UntilOverdue(InstanceView view) =>
        view.Pod!.Metadata.DeletionTimestamp + InstanceStatus.Overdue - view.Now is { } left && left >= TimeSpan.Zero ? left + TimeSpan.FromSeconds(1) : null;

    private static TimeSpan? UntilSure(InstanceView view, VmiStatus status) =>
        view is { LinkExpected: true, Agent: null } && status.Phase != VmiPhases.Running ? InstanceStatus.UntilSureWithoutLink(view) : null;

    /// <summary>The pod is gone before anybody saw its end: deleted by hand, evicted, or with its node.</summary>
    private static Decision<VmiStatus> Gone(InstanceView view) => view.Instance.Metadata.DeletionTimestamp is not null
        ? new(view.Instance.Status!, [], [])
        : new(
            InstanceStatus.Failed(view, "PodDeleted", "the instance's pod was deleted"),
            [],
            [new(Event.Warning, "Stopped", "The virtual machine's pod was deleted.")]);

    private static string FormerPod(Pod pod) =>
        $"pod {pod.Metadata.Name} of an earlier instance is still on node {pod.Spec?.NodeName ?? "(none)"}; nothing is started before it is gone. "
        + "If the node is lost for good, delete the pod with --force once the node is surely off";

    private static bool NewProblem(InstanceView view, string message) =>
        Conditions.Find(view.Instance.Status?.Conditions, InstanceStatus.Synchronized)?.Message != message;
}
