using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports;

/// <summary>
/// Fills claims that ask for it: each claim that something has touched is looked at whole, what <see cref="ImportDecision"/> says is done,
/// and told in the claim's annotations and by Events. Runs in the leader alone; not more importers are made than may be at work at once.
/// </summary>
internal sealed class ImportController(
    KubernetesClient client, ImportCache cache, ImporterTurns turns, CloneSources clones, EventRecorder events, MachineOptions machines, TimeProvider time,
    ILogger<ImportController> log)
{
    private const int Workers = 4;

    private readonly ImportPauses _pauses = new(time);
    private readonly ClaimLooks _looks = new("claim", Workers, time, new LookLog(log));

    /// <summary>Until it leads no more.</summary>
    public Task RunAsync(CancellationToken stop) => events.WriteWhileAsync(_looks.RunAsync(
        add => cache.Touched += add, add => cache.Touched -= add, cache.Synced,
        () => cache.Claims.List().Where(ImportDecision.IsOurs).OrderBy(static c => c.Metadata.CreationTimestamp).Select(ClaimKey.Of)
            .Concat(cache.Pods.List().Select(CloneSourcePod.TargetOf).OfType<ClaimKey>()),
        LookAsync, stop));

    private async Task LookAsync(ClaimKey key, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (cache.Claims.Get(key.Namespace, key.Name) is not { } claim)
        {
            _pauses.Forget(key);
            await clones.EndAsync(key, null, cancel).ConfigureAwait(false);
            return;
        }

        var clone = await LookAtCloneAsync(claim, queue, cancel).ConfigureAwait(false);
        var plan = Decide(claim, clone);
        if (plan.Action is ImportAction.CreatePod)
        {
            (claim, plan) = await MakeAsync(claim, clone, plan, queue, cancel).ConfigureAwait(false);
        }

        // The state first: a pod that is gone before its end is told would be made again, and begin anew.
        if (plan.State is { } state && state.Patch(claim) is { } patch)
        {
            await WriteAsync(claim, state, patch, cancel).ConfigureAwait(false);
        }

        if (plan.Action is ImportAction.DeletePod(var pod))
        {
            if (ImporterReport.Of(pod) is { Stage: ImporterStage.Gone } lost)
            {
                _pauses.Lost(key, pod.Metadata.Uid!, lost.Reason);
            }

            await turns.DeleteAsync(pod, cancel).ConfigureAwait(false);
        }

        await clones.EndAsync(key, plan.Serve ? claim.Metadata.Uid : null, cancel).ConfigureAwait(false);
    }

    /// <returns>Null where there is nothing to clone, or no more.</returns>
    private async Task<CloneView?> LookAtCloneAsync(PersistentVolumeClaim claim, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (claim.Metadata.DeletionTimestamp is not null || ImportState.PhaseOf(claim) == ImportState.Succeeded || ImportRequest.Of(claim)?.Request?.CloneOf is not { } source)
        {
            return null;
        }

        if (cache.Pods.Get(claim.Metadata.Namespace!, ImporterPod.Name(claim)) is { } importer && importer.Metadata.Annotation(CloneKeys.Annotation) is not null)
        {
            await clones.HandKeyAsync(importer, claim, cancel).ConfigureAwait(false);
        }

        var view = cache.Pods.Get(source.Namespace, CloneSourcePod.Name(claim)) is null
            ? await BeginCloneAsync(claim, source, cancel).ConfigureAwait(false)
            : await clones.LookAsync(claim, source, cancel).ConfigureAwait(false);
        if (view.Server is null)
        {
            // Who uses the source, and who may, is watched by nobody.
            queue.AddAfter(ClaimKey.Of(claim), ClaimLooks.Retry);
        }

        return view;
    }

    /// <summary>When it is the claim's turn: what serves the source is counted, and not the importer after it.</summary>
    private Task<CloneView> BeginCloneAsync(PersistentVolumeClaim claim, ClaimKey source, CancellationToken cancel) => turns.TakeAsync(
        () => clones.LookAsync(claim, source, cancel), new CloneView(null, ImportState.Waiting, ImportState.WaitingMessage), cancel);

    private ImportPlan Decide(PersistentVolumeClaim claim, CloneView? clone) =>
        ImportDecision.Decide(new ImportView(claim, cache.Pods.Get(claim.Metadata.Namespace!, ImporterPod.Name(claim)), clone) { Class = cache.ClassOf(claim) });

    /// <returns>The claim as the server has it, and what is to be told of it.</returns>
    private async Task<(PersistentVolumeClaim Claim, ImportPlan Plan)> MakeAsync(
        PersistentVolumeClaim claim, CloneView? clone, ImportPlan plan, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (_pauses.Of(ClaimKey.Of(claim)) is var (left, message))
        {
            queue.AddAfter(ClaimKey.Of(claim), left);
            return (claim, plan with { State = plan.State! with { Reason = ImportState.BackOff, Message = message }, Action = null });
        }

        try
        {
            return clone is not null ? await CreateAsync().ConfigureAwait(false)
                : await turns.TakeAsync(CreateAsync, (claim, plan with { Action = null }), cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsRefused)
        {
            // A quota or a policy: somebody must change it, and no change of ours tells when.
            queue.AddAfter(ClaimKey.Of(claim), ClaimLooks.Retry);
            return (claim, new ImportPlan(plan.State! with { Reason = e.Status.Reason ?? "FailedCreate", Message = e.Message }));
        }

        async Task<(PersistentVolumeClaim Claim, ImportPlan Plan)> CreateAsync()
        {
            // A cache that lags would have a disk written over that is in use by now.
            var current = await client.FindAsync(CoreKinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, cancel).ConfigureAwait(false);
            if (current is null || current.Metadata.Uid != claim.Metadata.Uid)
            {
                return (claim, ImportPlan.Nothing);
            }

            var now = Decide(current, clone);
            if (now.Action is ImportAction.CreatePod(var request))
            {
                var pod = await turns.CreateAsync(ImporterPod.Create(current, request, machines, turns.Options, CloneKeys.NewName()), cancel).ConfigureAwait(false);
                if (request.Server is not null)
                {
                    await clones.HandKeyAsync(pod, current, cancel).ConfigureAwait(false);
                }

                now = Decide(current, clone);
            }

            return (current, now);
        }
    }

    private async Task WriteAsync(PersistentVolumeClaim claim, ImportState state, System.Text.Json.Nodes.JsonObject patch, CancellationToken cancel)
    {
        try
        {
            var written = await client.MergePatchAsync(CoreKinds.PersistentVolumeClaims, claim.Metadata.Namespace, claim.Metadata.Name!, patch, null, cancel).ConfigureAwait(false);
            cache.Claims.Observe(Slim.Claim(written));
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return;
        }

        if (ImportEvents.Of(claim, state) is { } told)
        {
            events.Record(CoreKinds.PersistentVolumeClaims, claim, told);
        }
    }
}
