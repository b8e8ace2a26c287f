using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.Sources;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <param name="Claim">Of the volume's name, whoever made it.</param>
internal sealed record VolumeView(DataVolume Volume, PersistentVolumeClaim? Claim, DateTimeOffset Now)
{
    /// <summary>The pod of <see cref="VolumeSize.PodName"/>, whoever made it.</summary>
    public Pod? Inspector { get; init; }

    /// <summary>The claim of which it shall be a copy, if that is there.</summary>
    public PersistentVolumeClaim? Original { get; init; }

    /// <summary>What spec.sourceRef comes to now.</summary>
    public SourceResolution? Source { get; init; }
}

/// <summary>One write, beside those of claim and status.</summary>
internal abstract record VolumeStep
{
    /// <summary>A pod looks at the source, when there is a turn.</summary>
    public sealed record Inspect(ImportRequest Request) : VolumeStep;

    /// <summary>On the volume, after its status; null takes one away.</summary>
    public sealed record Annotate(JsonObject Annotations) : VolumeStep;

    public sealed record DeletePod(Pod Pod) : VolumeStep;
}

/// <param name="Create">To be made first.</param>
internal sealed record VolumePlan(DataVolumeStatus Status, PersistentVolumeClaim? Create, IReadOnlyList<MachineEvent> Events)
{
    public VolumeStep? Step { get; init; }
}

/// <summary>What to do for a DataVolume: make its claim, which asks for its import by itself, and say of the volume how far the claim is.</summary>
internal static class VolumeDecision
{
    private const string Ready = "Ready", Bound = "Bound", Running = "Running", Unknown = "N/A", Clone = "Clone";
    private static readonly string[] Ours = [Ready, Bound, Running];

    public static VolumePlan Decide(VolumeView view)
    {
        var plan = DecideClaim(view);
        // A look that is over, or whose result is not asked for any more.
        return plan.Step is null && view.Inspector is { Metadata.DeletionTimestamp: null } over && over.Metadata.Controller?.Uid == view.Volume.Metadata.Uid
            && Conditions.Find(plan.Status.Conditions, Running)?.Reason != VolumeSize.Detection
            ? plan with { Step = new VolumeStep.DeletePod(over) }
            : plan;
    }

    private static VolumePlan DecideClaim(VolumeView view)
    {
        var (volume, claim) = (view.Volume, view.Claim);
        if (volume.Metadata.DeletionTimestamp is not null || volume.Spec is null)
        {
            return new(volume.Status ?? new(), null, []);
        }

        if (claim is null)
        {
            if (view.Source is { } found)
            {
                if (VolumeSourceRef.Sourced(volume) is not { } sourced)
                {
                    return found.Source is null ? Problem(view, found.Reason, found.Message)
                        : new(Status(view, DataVolumePhases.Pending, "SourceFound", "the source is recorded"), null, []) { Step = new VolumeStep.Annotate(VolumeSourceRef.Record(found.Source)) };
                }

                volume = sourced;
            }

            if (VolumeSize.Wanted(volume) is { } request)
            {
                if (VolumeSize.Sized(volume, request) is not { } sized)
                {
                    return Size(view, request);
                }

                volume = sized;
            }

            var (made, problem) = VolumeClaim.Create(volume, view.Original);
            return problem is not null ? Problem(view, "Invalid", problem)
                : new(Status(view, DataVolumePhases.Pending, "NotFound", "the claim is being made"), made, []);
        }

        // One that was filled for a volume of this name before, as a restored backup brings it, is taken as it is.
        return claim.Metadata.Controller?.Uid == volume.Metadata.Uid || claim.Metadata.Annotation(ClaimContent.PopulatedFor) == volume.Metadata.Name
            ? Follow(view, claim)
            : Problem(view, "ClaimNameTaken", $"PersistentVolumeClaim {claim.Metadata.Name} is there already and is not this volume's; delete it, or give the volume another name");
    }

    /// <summary>The server does not take the claim.</summary>
    public static VolumePlan Refused(VolumeView view, string reason, string message) => Problem(view, reason, message);

    /// <summary>It is not time for the claim yet.</summary>
    public static VolumePlan Waiting(VolumeView view, string phase, string reason, string message) => Problem(view, reason, message, phase);

    /// <summary>How large the volume is to be is looked up.</summary>
    private static VolumePlan Size(VolumeView view, ImportRequest request)
    {
        if (VolumeSize.IsUnknown(view.Volume, request))
        {
            return new(view.Volume.Status ?? new(), null, []);
        }

        var look = Inspection.Of(view.Volume.Metadata, view.Inspector, request.Hash());
        if (look.Stage == InspectionStage.Refused || look.Result is { VirtualSize: null })
        {
            var reason = look.Stage == InspectionStage.Refused ? look.Reason : "SizeUnknown";
            return Problem(view, reason, look.Message, DataVolumePhases.Failed) with { Step = new VolumeStep.Annotate(VolumeSize.Record(request, null)) };
        }

        return new(Status(view, DataVolumePhases.Pending, VolumeSize.Detection, $"no size is given, and that of the source is looked up: {look.Message}"), null, [])
        {
            Step = look.Result is { VirtualSize: var bytes } ? new VolumeStep.Annotate(VolumeSize.Record(request, bytes))
                : look.Over is { } stale ? new VolumeStep.DeletePod(stale)
                : look.Stage == InspectionStage.Wanted ? new VolumeStep.Inspect(request)
                : null,
        };
    }

    private static VolumePlan Follow(VolumeView view, PersistentVolumeClaim claim)
    {
        var bound = claim.Status?.Phase == PersistentVolumeClaim.Bound;
        var byStorage = StorageClone.TypeOf(claim);
        var (work, scheduled, progressing) = Work(claim, byStorage);
        var phase = ImportState.PhaseOf(claim) switch
        {
            ImportState.Succeeded => DataVolumePhases.Succeeded,
            ImportState.Failed => DataVolumePhases.Failed,
            ImportState.Running => progressing,
            _ when claim.Metadata.Annotation(ClaimContent.PopulatedFor) is not null => DataVolumePhases.Succeeded,
            _ when StorageClone.WaitsForPod(claim) => DataVolumePhases.WaitForFirstConsumer,
            _ when byStorage is not null => progressing,
            _ when claim.Metadata.Annotation(ImportAnnotations.PodName) is not null => scheduled,
            _ => bound ? DataVolumePhases.PvcBound : DataVolumePhases.Pending,
        };
        var reason = claim.Metadata.Annotation(ImportAnnotations.RunningReason) ?? "Pending";
        var message = claim.Metadata.Annotation(ImportAnnotations.RunningMessage) ?? "the claim is not looked at yet";
        var status = Status(view, phase, reason, message);
        return new(status, null, phase == view.Volume.Status?.Phase ? [] : phase switch
        {
            DataVolumePhases.Succeeded => [new(Event.Normal, $"{work}Succeeded", $"Successfully {(work == Clone ? "cloned" : "imported")} into {claim.Metadata.Name}")],
            DataVolumePhases.Failed => [new(Event.Warning, $"{work}Failed", message)],
            DataVolumePhases.UploadReady => [new(Event.Normal, phase, $"Upload into {claim.Metadata.Name} ready")],
            _ when phase == scheduled => [new(Event.Normal, phase, $"{work} into {claim.Metadata.Name} scheduled")],
            _ when phase == progressing => [new(Event.Normal, $"{work}InProgress", $"{work} into {claim.Metadata.Name} in progress")],
            _ => [],
        });
    }

    /// <summary>What is done for the claim, and its phases.</summary>
    /// <param name="byStorage">How the storage fills it; null where an importer does.</param>
    private static (string Work, string Scheduled, string Progressing) Work(PersistentVolumeClaim claim, string? byStorage) =>
        byStorage is not null ? (Clone, DataVolumePhases.CloneScheduled, byStorage == StorageClone.Snapshot ? DataVolumePhases.RestoreInProgress : DataVolumePhases.CsiCloneInProgress)
        : claim.Metadata.Annotation(ImportAnnotations.CloneRequest) is not null ? (Clone, DataVolumePhases.CloneScheduled, DataVolumePhases.CloneInProgress)
        : claim.Metadata.Annotation(ImportAnnotations.UploadTarget) is not null
            ? ("Upload", DataVolumePhases.UploadScheduled, claim.Metadata.Annotation(ImportAnnotations.PodReady) == "true" ? DataVolumePhases.UploadReady : DataVolumePhases.UploadScheduled)
        : ("Import", DataVolumePhases.ImportScheduled, DataVolumePhases.ImportInProgress);

    private static VolumePlan Problem(VolumeView view, string reason, string message, string phase = DataVolumePhases.Pending) => new(
        Status(view, phase, reason, message),
        null,
        Conditions.Find(view.Volume.Status?.Conditions, Running)?.Message == message ? [] : [new(Event.Warning, reason, message)]);

    private static DataVolumeStatus Status(VolumeView view, string phase, string reason, string message)
    {
        var claim = view.Claim;
        var conditions = new Conditions(view.Volume.Status?.Conditions, Ours, view.Now);
        conditions.Set(Bound, claim?.Status?.Phase == PersistentVolumeClaim.Bound, claim?.Metadata.Annotation(ImportAnnotations.BoundReason) ?? (claim is null ? "NotFound" : "Pending"), claim?.Metadata.Annotation(ImportAnnotations.BoundMessage));
        conditions.Set(Ready, phase == DataVolumePhases.Succeeded);
        conditions.Set(Running, claim?.Metadata.Annotation(ImportAnnotations.Running) == "true", reason, message);
        return (view.Volume.Status ?? new()) with
        {
            ClaimName = claim is null ? null : claim.Metadata.Name,
            Phase = phase,
            Progress = phase == DataVolumePhases.Succeeded ? ImportState.Whole : claim?.Metadata.Annotation(ImportAnnotations.Progress) ?? Unknown,
            RestartCount = int.TryParse(claim?.Metadata.Annotation(ImportAnnotations.Restarts), NumberStyles.None, CultureInfo.InvariantCulture, out var restarts) && restarts > 0 ? restarts : null,
            Conditions = conditions.All,
        };
    }
}
