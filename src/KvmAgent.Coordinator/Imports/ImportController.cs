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
    KubernetesClient client, ImportCache cache, CloneSources clones, EventRecorder events, MachineOptions machines, ImportOptions options, TimeProvider time,
    ILogger<ImportController> log)
    : IDisposable
{
    private const int Workers = 4;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);
    private static readonly WorkQueueOptions Retries = new() { MostDelay = TimeSpan.FromSeconds(30), RatePerSecond = 50, Burst = 500 };

    private readonly LookLog _log = new(log);

    /// <summary>Between counting the importers and making another.</summary>
    private readonly SemaphoreSlim _making = new(1);

    public void Dispose() => _making.Dispose();

    /// <summary>Until it leads no more.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var queue = new WorkQueue<ClaimKey>(time, Retries, (key, e) => _log.Failed(key, e));
        void Add(ClaimKey key) => queue.Add(key);
        cache.Touched += Add;
        try
        {
            await cache.Synced.WaitAsync(stop).ConfigureAwait(false);
            foreach (var claim in cache.Claims.List().Where(static c => ImportAnnotations.IsAsked(c.Metadata)).OrderBy(static c => c.Metadata.CreationTimestamp))
            {
                queue.Add(ClaimKey.Of(claim));
            }

            foreach (var target in cache.Pods.List().Select(CloneSourcePod.TargetOf).OfType<ClaimKey>())
            {
                queue.Add(target);
            }

            await events.WriteWhileAsync(queue.RunAsync(Workers, (key, cancel) => LookAsync(key, queue, cancel), stop)).ConfigureAwait(false);
        }
        finally
        {
            cache.Touched -= Add;
        }
    }

    private async Task LookAsync(ClaimKey key, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (cache.Claims.Get(key.Namespace, key.Name) is not { } claim)
        {
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
            await DeleteAsync(pod, cancel).ConfigureAwait(false);
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
            queue.AddAfter(ClaimKey.Of(claim), Retry);
        }

        return view;
    }

    /// <summary>When it is the claim's turn.</summary>
    private async Task<CloneView> BeginCloneAsync(PersistentVolumeClaim claim, ClaimKey source, CancellationToken cancel)
    {
        await _making.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return cache.AtWork >= options.Concurrency
                ? new CloneView(null, ImportState.Waiting, ImportState.WaitingMessage)
                : await clones.LookAsync(claim, source, cancel).ConfigureAwait(false);
        }
        finally
        {
            _making.Release();
        }
    }

    private ImportPlan Decide(PersistentVolumeClaim claim, CloneView? clone) =>
        ImportDecision.Decide(new ImportView(claim, cache.Pods.Get(claim.Metadata.Namespace!, ImporterPod.Name(claim)), clone));

    /// <returns>The claim as the server has it, and what is to be told of it.</returns>
    private async Task<(PersistentVolumeClaim Claim, ImportPlan Plan)> MakeAsync(
        PersistentVolumeClaim claim, CloneView? clone, ImportPlan plan, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        await _making.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (clone is null && cache.AtWork >= options.Concurrency)
            {
                return (claim, plan with { Action = null });
            }

            // A cache that lags would have a disk written over that is in use by now.
            var (ns, name) = (claim.Metadata.Namespace!, claim.Metadata.Name!);
            var current = await client.FindAsync(CoreKinds.PersistentVolumeClaims, ns, name, cancel).ConfigureAwait(false);
            if (current is null || current.Metadata.Uid != claim.Metadata.Uid)
            {
                return (claim, ImportPlan.Nothing);
            }

            plan = Decide(current, clone);
            if (plan.Action is ImportAction.CreatePod(var request))
            {
                var pod = await CreateAsync(ImporterPod.Create(current, request, machines, options, CloneKeys.NewName()), cancel).ConfigureAwait(false);
                cache.Pods.Observe(Slim.Pod(pod));
                if (request.Server is not null)
                {
                    await clones.HandKeyAsync(pod, current, cancel).ConfigureAwait(false);
                }

                plan = Decide(current, clone);
            }

            return (current, plan);
        }
        catch (KubernetesException e) when (e.IsForbidden || e.IsInvalid || e.Code == 400)
        {
            // A quota or a policy: somebody must change it, and no change of ours tells when.
            queue.AddAfter(ClaimKey.Of(claim), Retry);
            return (claim, new ImportPlan(plan.State! with { Reason = e.Status.Reason ?? "FailedCreate", Message = e.Message }));
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>One that is there already is looked at: another leader's, or a stranger's.</summary>
    private async Task<Pod> CreateAsync(Pod pod, CancellationToken cancel)
    {
        try
        {
            return await client.CreateAsync(CoreKinds.Pods, pod, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists)
        {
            if (await client.FindAsync(CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, cancel).ConfigureAwait(false) is { } there)
            {
                return there;
            }

            throw;
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

    private async Task DeleteAsync(Pod pod, CancellationToken cancel)
    {
        try
        {
            await client.DeleteAsync(CoreKinds.Pods, pod.Metadata.Namespace, pod.Metadata.Name!, new DeleteOptions { Uid = pod.Metadata.Uid }, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            // As wanted.
        }
    }
}
