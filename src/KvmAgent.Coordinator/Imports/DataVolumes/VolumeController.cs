using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <summary>Makes the claims of DataVolumes and says how far they are. What fills them is <see cref="ImportController"/>. Runs in the leader alone.</summary>
internal sealed class VolumeController(
    KubernetesClient client, ImportCache cache, ImporterTurns turns, StorageClones clones, EventRecorder events, MachineOptions machines, TimeProvider time, ILogger<VolumeController> log)
{
    private const int Workers = 4;

    private readonly ClaimLooks _looks = new("DataVolume", Workers, time, new LookLog(log));
    private readonly StatusWriter<DataVolume, DataVolumeStatus> _status = new(client, Kinds.DataVolumes, ApiJson.Default.DataVolumeStatus, static v => v.Status);

    /// <summary>Until it leads no more.</summary>
    public Task RunAsync(CancellationToken stop) => events.WriteWhileAsync(_looks.RunAsync(
        add => cache.VolumeTouched += add, add => cache.VolumeTouched -= add, cache.Synced,
        () => cache.Volumes.List().Select(ClaimKey.Of),
        LookAsync, stop));

    private async Task LookAsync(ClaimKey key, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (cache.Volumes.Get(key.Namespace, key.Name) is not { } volume)
        {
            return;
        }

        var view = View(volume, cache.Claims.Get(key.Namespace, key.Name));
        var plan = VolumeDecision.Decide(view);
        if (plan.Step is VolumeStep.Inspect(var request))
        {
            plan = await InspectAsync(view, plan, request, queue, cancel).ConfigureAwait(false);
        }

        if (plan.Create is { } imported)
        {
            var next = await LookAtStorageAsync(volume, imported, cancel).ConfigureAwait(false);
            plan = next.Claim is null ? VolumeDecision.Waiting(view, next.Phase, next.Reason, next.Message) : plan with { Create = next.Claim };
            if (next.Claim is null)
            {
                // Who uses the source, and snapshots, are watched by nobody.
                queue.AddAfter(key, next.Phase == DataVolumePhases.SnapshotInProgress ? StorageClones.SnapshotRetry : ClaimLooks.Retry);
            }
        }

        if (plan.Create is { } wanted)
        {
            // A claim that goes with its volume may be seen to go first; another would be made for nobody.
            var current = await client.FindAsync(Kinds.DataVolumes, key.Namespace, key.Name, cancel).ConfigureAwait(false);
            if (current is null || current.Metadata.Uid != volume.Metadata.Uid || current.Metadata.DeletionTimestamp is not null)
            {
                return;
            }

            try
            {
                var made = Slim.Claim(await client.CreateAsync(CoreKinds.PersistentVolumeClaims, wanted, cancel).ConfigureAwait(false));
                cache.Claims.Observe(made);
                plan = VolumeDecision.Decide(view with { Claim = made });
            }
            catch (KubernetesException e) when (e.IsRefused)
            {
                // A quota or a policy, or a claim that the server does not take: somebody must change it.
                plan = VolumeDecision.Refused(view, e.Status.Reason ?? "FailedCreate", e.Message);
                queue.AddAfter(key, ClaimLooks.Retry);
            }
        }

        if (view is { Claim: null, Original: null } && OriginalOf(volume) is not null)
        {
            // It may come, and touches no volume then.
            queue.AddAfter(key, ClaimLooks.Retry);
        }

        if (view.Claim is { } filled && plan.Status.Phase == DataVolumePhases.Succeeded && volume.Status?.Phase != DataVolumePhases.Succeeded)
        {
            // Before it is told that all is done: afterwards nobody would look.
            await clones.EndAsync(volume, filled, cancel).ConfigureAwait(false);
        }

        if (await _status.WriteAsync(volume, plan.Status, cancel).ConfigureAwait(false) is { } written)
        {
            cache.Volumes.Observe(Slim.Volume(written));
            foreach (var told in plan.Events)
            {
                events.Record(Kinds.DataVolumes, volume, told);
            }
        }

        // Told first: what a pod said is gone with it.
        switch (plan.Step)
        {
            case VolumeStep.Annotate(var annotations):
                await AnnotateAsync(volume, annotations, cancel).ConfigureAwait(false);
                break;
            case VolumeStep.DeletePod(var pod):
                await turns.DeleteAsync(pod, cancel).ConfigureAwait(false);
                break;
        }
    }

    private VolumeView View(DataVolume volume, PersistentVolumeClaim? claim) => new(volume, claim, time.GetUtcNow())
    {
        Inspector = cache.Pods.Get(volume.Metadata.Namespace, VolumeSize.PodName(volume)),
        Source = VolumeSourceRef.Resolve(volume, cache.Sources.Resolve),
        Original = OriginalOf(volume) is { } original ? cache.Claims.Get(original.Namespace, original.Name) : null,
    };

    private async Task<ClaimToMake> LookAtStorageAsync(DataVolume volume, PersistentVolumeClaim wanted, CancellationToken cancel)
    {
        try
        {
            return await clones.LookAsync(VolumeSourceRef.Sourced(volume) ?? volume, wanted, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsRefused)
        {
            return new(null, DataVolumePhases.Pending, e.Status.Reason ?? "FailedCreate", e.Message);
        }
    }

    private static ClaimKey? OriginalOf(DataVolume volume) => VolumeClaim.CloneOf(VolumeSourceRef.Sourced(volume) ?? volume);

    private async Task<VolumePlan> InspectAsync(VolumeView view, VolumePlan plan, ImportRequest request, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        var volume = view.Volume;
        try
        {
            return await turns.TakeAsync(CreateAsync, plan, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsRefused)
        {
            queue.AddAfter(ClaimKey.Of(volume), ClaimLooks.Retry);
            return VolumeDecision.Refused(view, e.Status.Reason ?? "FailedCreate", e.Message);
        }

        async Task<VolumePlan> CreateAsync()
        {
            var pod = ImporterPod.Inspector(VolumeSize.PodName(volume), volume.Metadata, Kinds.DataVolumes.OwnerOf(volume), request, machines, turns.Options);
            await turns.CreateAsync(pod, cancel).ConfigureAwait(false);
            return VolumeDecision.Decide(View(volume, view.Claim));
        }
    }

    private async Task AnnotateAsync(DataVolume volume, JsonObject annotations, CancellationToken cancel)
    {
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = volume.Metadata.Uid, ["annotations"] = annotations.DeepClone() } };
        try
        {
            cache.Volumes.Observe(Slim.Volume(
                await client.MergePatchAsync(Kinds.DataVolumes, volume.Metadata.Namespace, volume.Metadata.Name!, patch, null, cancel).ConfigureAwait(false)));
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            // With it goes its pod.
        }
    }
}
