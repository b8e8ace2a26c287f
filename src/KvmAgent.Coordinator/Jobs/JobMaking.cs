using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>
/// Begins jobs: first the job is written down, then its object is made in the caller's name, with the job's id as a label, and then that object's
/// UID is written down. So whatever ends between two of these steps, the leader finds what was made, or that nothing was.
/// </summary>
internal sealed class JobMaking(JobStore store, TimeProvider time)
{
    private const string Metadata = "metadata", Labels = "labels";

    /// <exception cref="CoordinatorException">The database is away, or the provider is not seen there: then nothing is left of it. Or no answer came: then the job stays.</exception>
    /// <exception cref="KubernetesException">The server refuses the object: nothing is left.</exception>
    public async Task<JobSummary> BeginAsync(Caller caller, Provider provider, JobPlan plan, CancellationToken cancel)
    {
        if (provider.Namespaces is { } seen && !seen.Contains(plan.Namespace))
        {
            throw new CoordinatorException(
                FailureReason.Invalid, $"namespace {plan.Namespace} is none that provider \"{provider.Name}\" is seen in, so nobody would know how far the job is; it is seen in {string.Join(", ", seen)}");
        }

        var now = time.GetUtcNow();
        var job = new JobSummary
        {
            Id = Guid.CreateVersion7(now).ToString(),
            Kind = plan.Kind,
            Status = JobStates.Pending,
            Provider = provider.Name,
            Namespace = plan.Namespace,
            Name = plan.Name,
            Source = plan.Source,
            Message = plan.Words,
            Owner = caller.User.Name,
            CreatedAt = now,
            Objects = [new JobObject(plan.ObjectKind, plan.Namespace, plan.Name, null)],
        };
        await store.AddAsync(job, cancel).ConfigureAwait(false);
        // From here on it is gone through with, whether the caller waits for it or not.
        var client = provider.ClientFor(caller);
        var uid = await MakeAsync(client, job, plan).ConfigureAwait(false);
        try
        {
            var made = job with { Objects = [job.Objects[0] with { Uid = uid }] };
            await store.ChangeAsync(job.Id, kept => kept.Objects[0].Uid is null ? kept with { Objects = made.Objects } : null, CancellationToken.None).ConfigureAwait(false);
            return made;
        }
        catch (CoordinatorException)
        {
            await JobCancelling.DeleteAsync(client, job.Objects[0] with { Uid = uid }, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <returns>Its UID.</returns>
    private async Task<string> MakeAsync(KubernetesClient client, JobSummary job, JobPlan plan)
    {
        var metadata = plan.Manifest[Metadata]!.AsObject();
        if (metadata[Labels] is not JsonObject labels)
        {
            metadata[Labels] = labels = [];
        }

        labels[JobSight.Label] = job.Id;
        try
        {
            var answer = await client.SendRawAsync(HttpMethod.Post, plan.Collection + "?fieldManager=kvm-coordinator", plan.Manifest, CancellationToken.None).ConfigureAwait(false);
            return (string)JsonNode.Parse(answer)![Metadata]!["uid"]!;
        }
        catch (KubernetesException)
        {
            await store.RemoveAsync(job.Id, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
        catch (HttpRequestException e)
        {
            throw new CoordinatorException(FailureReason.Unavailable, $"whether {plan.Namespace}/{plan.Name} has been made is not known: {e.Message}; job {job.Id} tells it in a minute", e);
        }
    }
}
