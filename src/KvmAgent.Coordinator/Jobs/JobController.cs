using KvmAgent.Contracts.Rest;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>
/// Looks at what was made for jobs and writes down how far they are. What it knows is in the database alone, so that the next leader goes on
/// where this one ended. Runs in the leader alone, and writes a job only where nobody else has changed it since.
/// </summary>
internal sealed partial class JobController(JobStore store, JobSight sight, TimeProvider time, ILogger<JobController> log)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary>Until it leads no more.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            do
            {
                await LookAsync(stop).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // As wanted.
        }
    }

    private async Task LookAsync(CancellationToken cancel)
    {
        try
        {
            foreach (var job in await store.OpenAsync(cancel).ConfigureAwait(false))
            {
                await LookAsync(job, cancel).ConfigureAwait(false);
            }
        }
        catch (CoordinatorException e) when (e.Reason == FailureReason.Unavailable)
        {
            // The store has told it already, and is asked again.
        }
    }

    private async Task LookAsync(StoredJob stored, CancellationToken cancel)
    {
        var job = stored.Job;
        var next = await NextAsync(job, cancel).ConfigureAwait(false);
        if (!IsSame(job, next) && await store.ReplaceAsync(stored, next, cancel).ConfigureAwait(false) is not null && next.Status != job.Status)
        {
            LogBecame(job.Id, job.Kind, $"{job.Namespace}/{job.Name}", next.Status, next.Message);
        }
    }

    private async Task<JobSummary> NextAsync(JobSummary job, CancellationToken cancel)
    {
        try
        {
            return await sight.LookAsync(job, cancel).ConfigureAwait(false) is { } view
                ? JobDecision.Decide(job, view, time.GetUtcNow())
                : JobDecision.Failed(job, $"provider \"{job.Provider}\" is there no more", time.GetUtcNow());
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or CoordinatorException || (e is ObjectDisposedException or OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // It may be back in a moment, and what was made there goes on meanwhile.
            return job with { Message = $"how far it is cannot be seen now: {e.Message}" };
        }
    }

    private static bool IsSame(JobSummary a, JobSummary b) => a with { Objects = b.Objects } == b && a.Objects.SequenceEqual(b.Objects);

    [LoggerMessage(Level = LogLevel.Information, Message = "job {Id}: {Kind} {What} is {Status}: {Words}")]
    private partial void LogBecame(string id, string kind, string what, string status, string words);
}
