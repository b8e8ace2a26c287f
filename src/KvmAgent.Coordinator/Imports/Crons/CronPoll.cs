using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>
/// The look at a cron's image: when it is due, how far it is, and what it found. A time that was missed is made up for once, for what counts
/// is the last look; and an image that was never looked at, or is another than that, is due at once.
/// </summary>
/// <param name="Step">What is to be done for it.</param>
/// <param name="IsOver">Whether the look that was due has ended, whatever it found.</param>
/// <param name="Next">When one is due again; null where one is due, or never again.</param>
/// <param name="Message">How far it is, where one is due.</param>
internal sealed record CronPoll(CronStep? Step, bool IsOver, DateTimeOffset? Next, string? Message)
{
    /// <summary>What is not to be had after so many tries is looked for at the next time, and another has the turn meanwhile.</summary>
    private const int MostRestarts = 5;

    /// <param name="schedule">Null: only once.</param>
    public static CronPoll Of(CronView view, ImportRequest request, Schedule? schedule)
    {
        var (cron, hash) = (view.Cron, request.Hash());
        if (cron.Metadata.Annotation(ImportAnnotations.Request) == hash && cron.Status?.LastExecutionTimestamp is { } last
            && schedule?.Next(last) is var next && (next is null || next > view.Now))
        {
            var over = view.Pod is { Metadata.DeletionTimestamp: null } pod && pod.Metadata.Controller?.Uid == cron.Metadata.Uid ? new CronStep.DeletePod(pod) : null;
            return new(over, false, next, null);
        }

        var look = Inspection.Of(cron.Metadata, view.Pod, hash);
        return look switch
        {
            { Stage: InspectionStage.Told, Result.Revision: { Length: > 0 } revision } => Found(cron, hash, revision, null),
            { Stage: InspectionStage.Told } => Found(cron, hash, null, "the source tells neither a digest nor an ETag nor when it was changed; take a server that does"),
            { Stage: InspectionStage.Refused } => Found(cron, hash, null, look.Message),
            { Restarts: >= MostRestarts } when schedule is not null => Found(cron, hash, null, look.Message),
            { Over: { } stale } => new(new CronStep.DeletePod(stale), false, null, look.Message),
            { Stage: InspectionStage.Wanted } => new(new CronStep.Poll(request), false, null, look.Message),
            _ => new(null, false, null, look.Message),
        };
    }

    /// <summary>What was found before stays where a look at the same image found nothing.</summary>
    private static CronPoll Found(DataImportCron cron, string hash, string? revision, string? trouble)
    {
        var annotations = new JsonObject { [ImportAnnotations.Request] = hash, [CronImports.Trouble] = trouble };
        if (revision is not null || cron.Metadata.Annotation(ImportAnnotations.Request) != hash)
        {
            annotations[CronImports.Digest] = revision;
        }

        return new(new CronStep.Annotate(annotations), true, null, trouble);
    }
}
