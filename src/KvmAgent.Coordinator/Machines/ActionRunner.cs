using System.Collections.Concurrent;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Machines;

/// <param name="Pod">The pod that was made.</param>
/// <param name="Problem">Why the server refused: a quota, Pod Security, an admission webhook.</param>
internal sealed record ActionResult(Pod? Pod, (string Reason, string Message)? Problem);

/// <summary>Does the writes of a decision, each so that doing it twice does no harm.</summary>
internal sealed class ActionRunner(KubernetesClient client, MachineCache cache)
{
    private const string FieldManager = "kvm-coordinator";
    private static readonly ActionResult Nothing = new(null, null);

    /// <summary>
    /// Pods that we made and whose UIDs are not in their instances' status yet, by instance: a write of the status that failed must not
    /// make us take our own pod for a stranger's.
    /// </summary>
    private readonly ConcurrentDictionary<string, Pod> _unrecorded = [];

    /// <param name="owner">UID of the object that the decision is about.</param>
    public async Task<ActionResult> RunAsync(MachineKey key, string owner, IReadOnlyList<MachineAction> actions, CancellationToken cancel)
    {
        if (_unrecorded.TryGetValue(owner, out var made))
        {
            return new ActionResult(made, null);
        }

        var result = Nothing;
        foreach (var action in actions)
        {
            try
            {
                result = await RunAsync(key, owner, action, cancel).ConfigureAwait(false) is { } pod ? new ActionResult(pod, null) : result;
            }
            catch (KubernetesException e) when (e.IsRefused)
            {
                // Retrying in haste helps nothing; somebody must change a quota, a policy or the object.
                return new ActionResult(null, (e.IsInvalid ? "FailedCreate" : e.Status.Reason ?? "FailedCreate", e.Message));
            }
            catch (ObstacleException e)
            {
                return new ActionResult(null, (e.Reason, e.Message));
            }
        }

        return result;
    }

    /// <summary>The pod's UID is in the status.</summary>
    public void Recorded(string owner) => _unrecorded.TryRemove(owner, out _);

    private async Task<Pod?> RunAsync(MachineKey key, string owner, MachineAction action, CancellationToken cancel)
    {
        switch (action)
        {
            case MachineAction.CreateVolume(var volume):
                await CreateAsync(volume, owner, cancel).ConfigureAwait(false);
                return null;
            case MachineAction.CreateConfigMap(var config):
                await CreateAsync(config, cancel).ConfigureAwait(false);
                return null;
            case MachineAction.CreatePod(var pod):
                await DemandAloneAsync(key, pod, cancel).ConfigureAwait(false);
                var made = await client.CreateAsync(CoreKinds.Pods, pod, cancel).ConfigureAwait(false);
                _unrecorded[owner] = made;
                cache.Pods.Observe(made);
                return made;
            case MachineAction.DeletePod(var name, var uid):
                await client.DeleteIfThereAsync(CoreKinds.Pods, key.Namespace, name, new DeleteOptions { Uid = uid }, cancel).ConfigureAwait(false);
                return null;
            case MachineAction.CreateInstance(var instance):
                cache.Instances.Observe(await client.CreateAsync(Kinds.VirtualMachineInstances, instance, cancel).ConfigureAwait(false));
                return null;
            case MachineAction.DeleteInstance(var name, var uid, var grace):
                await DeleteInstanceAsync(key, name, uid, grace, cancel).ConfigureAwait(false);
                return null;
            default:
                throw new ArgumentOutOfRangeException(nameof(action), action, "unknown action");
        }
    }

    /// <summary>
    /// That no other pod of the machine's is left is asked of the server itself: a cache that lags, as a new leader's may, would let two
    /// guests run on one disk.
    /// </summary>
    private async Task DemandAloneAsync(MachineKey key, Pod pod, CancellationToken cancel)
    {
        var selector = $"{MachineLabels.Role}={MachineLabels.Launcher},{MachineLabels.InstanceName}={pod.Metadata.Label(MachineLabels.InstanceName)}";
        var there = await client.ListAsync(CoreKinds.Pods, key.Namespace, new ListOptions { LabelSelector = selector }, cancel).ConfigureAwait(false);
        var other = false;
        foreach (var unseen in there.Items.Where(p => MachineCache.KeyOf(p) == key && p.Metadata.Name != pod.Metadata.Name))
        {
            cache.Pods.Observe(unseen);
            other = true;
        }

        if (other)
        {
            throw new MachineChangedException($"a pod of an earlier instance of {key} is still there");
        }
    }

    /// <summary>One that is there already is the machine's, whose claim is not there yet, or somebody else's.</summary>
    private async Task CreateAsync(DataVolume volume, string owner, CancellationToken cancel)
    {
        var name = volume.Metadata.Name!;
        try
        {
            await client.CreateAsync(Kinds.DataVolumes, volume, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            if (await client.FindAsync(Kinds.DataVolumes, volume.Metadata.Namespace, name, cancel).ConfigureAwait(false) is { } there && there.Metadata.Controller?.Uid != owner)
            {
                throw new ObstacleException("DataVolumeNameTaken", $"DataVolume {name} is there already and is not this machine's; delete it, or give the template another name");
            }
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            throw new ObstacleException("NoDataVolumes", $"DataVolume {name} cannot be made, for the cluster has none ({e.Message}); set the chart's imports.concurrency, or install what has them");
        }
    }

    /// <summary>One that is there already is of a try that went no further; its content is made ours whatever it was.</summary>
    private async Task CreateAsync(ConfigMap config, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(CoreKinds.ConfigMaps, config, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            await client.ApplyAsync(CoreKinds.ConfigMaps, config, new ApplyOptions { FieldManager = FieldManager, Force = true }, cancel).ConfigureAwait(false);
        }
    }

    private async Task DeleteInstanceAsync(MachineKey key, string name, string uid, long? grace, CancellationToken cancel)
    {
        if (grace is { } seconds)
        {
            // Never 0: that takes the pod from the server before its node has ended it.
            foreach (var pod in cache.PodsOf(key).Where(p => p.Metadata.Controller?.Uid == uid))
            {
                var options = new DeleteOptions { Uid = pod.Metadata.Uid, GracePeriodSeconds = Math.Max(1, seconds) };
                await client.DeleteIfThereAsync(CoreKinds.Pods, key.Namespace, pod.Metadata.Name!, options, cancel).ConfigureAwait(false);
            }
        }

        // What is another by now (a conflict) is looked at again: a lost deletion is asked for by nobody.
        await client.DeleteIfThereAsync(
            Kinds.VirtualMachineInstances, key.Namespace, name, new DeleteOptions { Uid = uid, Propagation = Propagation.Foreground }, cancel).ConfigureAwait(false);
    }
}
