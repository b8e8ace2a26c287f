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
            await TellAsync(pod, told, cancel).ConfigureAwait(false);
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

        await TellAsync(adopted, new(Event.Warning, "FailedCreate", problem.Message), cancel).ConfigureAwait(false);
        return Retry;
    }

    private HashSet<string> Shown(IReadOnlyList<Pod> pods, MachineKey key) =>
        [.. pods.Select(static p => p.Metadata.Uid!).Where(uid => cache.InstanceByPod(uid) is { } shown && MachineCache.KeyOf(shown) != key)];

    /// <summary>Whatever else happens to the pod, what it is told stays the same, and so is told once; without a version an Event's name does, too.</summary>
    private Task TellAsync(Pod pod, MachineEvent what, CancellationToken cancel) =>
        events.RecordAsync(CoreKinds.Pods, pod with { Metadata = pod.Metadata with { ResourceVersion = null } }, what, cancel);
}
