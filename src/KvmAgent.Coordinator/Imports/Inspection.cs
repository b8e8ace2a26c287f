using KvmAgent.Contracts;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

internal enum InspectionStage
{
    /// <summary>A pod is to be made when there is a turn.</summary>
    Wanted,

    UnderWay,

    /// <summary>There is a result.</summary>
    Told,

    /// <summary>There will be none.</summary>
    Refused,
}

/// <summary>
/// How far a look at a source is, which an importer's pod without a volume does for an object that is to be filled from it: the coordinator
/// itself fetches nothing.
/// </summary>
/// <param name="Reason">In a word.</param>
/// <param name="Message">For people.</param>
/// <param name="Pod">The owner's own.</param>
internal sealed record Inspection(InspectionStage Stage, string Reason, string Message, Pod? Pod)
{
    public ImportResult? Result { get; init; }

    public int Restarts { get; init; }

    /// <summary>Whether the pod is to go before anything else comes of it.</summary>
    public bool IsStale { get; init; }

    /// <summary>The pod, where it is over or of no use; null where there is none, or it is being deleted.</summary>
    public Pod? Over => (IsStale || Stage is InspectionStage.Told or InspectionStage.Refused) && Pod?.Metadata.DeletionTimestamp is null ? Pod : null;

    /// <param name="owner">Whose look it is.</param>
    /// <param name="there">Of the pod's name, whoever made it.</param>
    /// <param name="hash">Of what is looked at now.</param>
    public static Inspection Of(ObjectMeta owner, Pod? there, string hash)
    {
        if (there is null)
        {
            return new(InspectionStage.Wanted, ImportState.Waiting, "the look at the source waits for its turn", null);
        }

        if (there.Metadata.Controller?.Uid != owner.Uid)
        {
            return new(InspectionStage.UnderWay, "PodNameTaken", $"pod {there.Metadata.Name} has the name of the one that would look at the source; delete it", null);
        }

        if (there.Metadata.DeletionTimestamp is not null || there.Metadata.Annotation(ImportAnnotations.Request) != hash)
        {
            return new(InspectionStage.UnderWay, ImportState.Changed, "the former look at the source is ended", there) { IsStale = true };
        }

        var report = ImporterReport.Of(there);
        return report.Stage switch
        {
            ImporterStage.Succeeded => report.Result is { } result
                ? new(InspectionStage.Told, report.Reason, report.Message, there) { Result = result }
                : new(InspectionStage.Refused, "NoResult", $"pod {there.Metadata.Name} ended well and told nothing; is {ImporterPod.ContainerName} an agent's image of this version?", there),
            ImporterStage.Refused => new(InspectionStage.Refused, report.Reason, report.Message, there),
            ImporterStage.Gone => new(InspectionStage.UnderWay, report.Reason, report.Message, there) { IsStale = true },
            _ => new(InspectionStage.UnderWay, report.Reason, report.Message, there) { Restarts = report.Restarts },
        };
    }
}
