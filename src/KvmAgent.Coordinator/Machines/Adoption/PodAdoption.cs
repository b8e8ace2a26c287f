using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines.Adoption;

/// <summary>Makes the instances of linked pods, as <see cref="AdoptionDecision"/> says.</summary>
internal sealed class PodAdoption(MachineCache cache, ActionRunner actions, EventRecorder events)
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    /// <returns>When to look again even if nothing changes.</returns>
    public async Task<TimeSpan?> LookAsync(MachineKey key, CancellationToken cancel)
    {
        if (cache.LinkedPodsOf(key) is not { Count: > 0 } pods)
        {
            return null;
        }

        var instance = cache.Instances.Get(key.Namespace, key.Name);
        var plan = AdoptionDecision.Adopt(new AdoptionView(
            key, pods, Shown(pods, key), instance, instance is null ? null : cache.PodOf(instance), cache.Machines.Get(key.Namespace, key.Name) is not null));
        foreach (var (pod, told) in plan.Told)
        {
            Tell(pod, told);
        }

        if (plan is not { Adopted: { } adopted, Instance: { } made })
        {
            return null;
        }

        var done = await actions.RunAsync(key, adopted.Metadata.Uid!, [new MachineAction.CreateInstance(made)], cancel).ConfigureAwait(false);
        if (done.Problem is not { } problem)
        {
            return null;
        }

        Tell(adopted, new(Event.Warning, "FailedCreate", problem.Message));
        return Retry;
    }

    private HashSet<string> Shown(IReadOnlyList<Pod> pods, MachineKey key) =>
        [.. pods.Select(static p => p.Metadata.Uid!).Where(uid => cache.InstanceByPod(uid) is { } shown && MachineCache.KeyOf(shown) != key)];

    /// <summary>Whatever else happens to the pod, what it is told stays the same, and so is told once; without a version an Event's name does, too.</summary>
    private void Tell(Pod pod, MachineEvent what) =>
        events.Record(CoreKinds.Pods, pod with { Metadata = pod.Metadata with { ResourceVersion = null } }, what);
}
