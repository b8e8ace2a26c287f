using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>
/// Takes jobs back: what was made for one is deleted in the name of who cancels it. That somebody does is written down first, so that the
/// leader does not take the deletion for somebody else's.
/// </summary>
internal sealed class JobCancelling(JobStore store, ProviderSet providers, TimeProvider time)
{
    /// <exception cref="CoordinatorException">It is over already, or it may not be.</exception>
    /// <exception cref="KubernetesException">The canceller may not delete what was made; the job goes on.</exception>
    public Task<bool> CancelAsync(Caller caller, JobSummary job, CancellationToken cancel) => providers.UseAsync(caller, job.Provider, async provider =>
    {
        var marked = await store.ChangeAsync(job.Id, kept => JobStates.IsOver(kept.Status) ? null : kept with { CancelledBy = caller.User.Name }, cancel).ConfigureAwait(false);
        var current = marked?.Job ?? throw NotFound(job.Id);
        if (JobStates.IsOver(current.Status))
        {
            throw new CoordinatorException(FailureReason.Conflict, $"job {job.Id} is {current.Status} already");
        }

        try
        {
            foreach (var made in current.Objects)
            {
                await DeleteAsync(provider.ClientFor(caller), made, cancel).ConfigureAwait(false);
            }
        }
        catch
        {
            await store.ChangeAsync(job.Id, static kept => JobStates.IsOver(kept.Status) ? null : kept with { CancelledBy = null }, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        await store.ChangeAsync(
            job.Id, kept => JobStates.IsOver(kept.Status) ? null : JobDecision.Cancelled(kept, caller.User.Name, time.GetUtcNow()), CancellationToken.None).ConfigureAwait(false);
        return true;
    }, cancel);

    public static CoordinatorException NotFound(string id) => new(FailureReason.NotFound, $"job {id} not found");

    /// <summary>If it is there yet.</summary>
    public static async Task DeleteAsync(KubernetesClient client, JobObject made, CancellationToken cancel)
    {
        if (made.Uid is not { } uid)
        {
            throw new CoordinatorException(FailureReason.Conflict, $"{made.Kind} {made.Namespace}/{made.Name} is just being made; try again in a moment");
        }

        var only = new DeleteOptions { Uid = uid };
        try
        {
            await (made.Kind == Kinds.VirtualMachines.Kind
                ? client.DeleteIfThereAsync(Kinds.VirtualMachines, made.Namespace, made.Name, only, cancel)
                : client.DeleteIfThereAsync(Kinds.DataVolumes, made.Namespace, made.Name, only, cancel)).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsConflict)
        {
            // Of its name there is another one by now.
        }
    }
}
