using System.Globalization;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <param name="Claim">Of the volume's name, whoever made it.</param>
/// <param name="Original">Of which it shall be a copy, if that is there.</param>
internal sealed record VolumeView(DataVolume Volume, PersistentVolumeClaim? Claim, DateTimeOffset Now, PersistentVolumeClaim? Original = null);

/// <param name="Create">To be made first.</param>
internal sealed record VolumePlan(DataVolumeStatus Status, PersistentVolumeClaim? Create, IReadOnlyList<MachineEvent> Events);

/// <summary>What to do for a DataVolume: make its claim, which asks for its import by itself, and say of the volume how far the claim is.</summary>
internal static class VolumeDecision
{
    private const string Ready = "Ready", Bound = "Bound", Running = "Running", Unknown = "N/A";
    private static readonly string[] Ours = [Ready, Bound, Running];

    public static VolumePlan Decide(VolumeView view)
    {
        var (volume, claim) = (view.Volume, view.Claim);
        if (volume.Metadata.DeletionTimestamp is not null || volume.Spec is null)
        {
            return new(volume.Status ?? new(), null, []);
        }

        if (claim is null)
        {
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

    private static VolumePlan Follow(VolumeView view, PersistentVolumeClaim claim)
    {
        var bound = claim.Status?.Phase == PersistentVolumeClaim.Bound;
        var isClone = VolumeClaim.CloneOf(view.Volume) is not null;
        var phase = ImportState.PhaseOf(claim) switch
        {
            ImportState.Succeeded => DataVolumePhases.Succeeded,
            ImportState.Failed => DataVolumePhases.Failed,
            ImportState.Running => isClone ? DataVolumePhases.CloneInProgress : DataVolumePhases.ImportInProgress,
            _ when claim.Metadata.Annotation(ClaimContent.PopulatedFor) is not null => DataVolumePhases.Succeeded,
            _ when claim.Metadata.Annotation(ImportAnnotations.PodName) is not null => isClone ? DataVolumePhases.CloneScheduled : DataVolumePhases.ImportScheduled,
            _ => bound ? DataVolumePhases.PvcBound : DataVolumePhases.Pending,
        };
        var work = isClone ? "Clone" : "Import";
        var reason = claim.Metadata.Annotation(ImportAnnotations.RunningReason) ?? "Pending";
        var message = claim.Metadata.Annotation(ImportAnnotations.RunningMessage) ?? "the claim is not looked at yet";
        var status = Status(view, phase, reason, message);
        return new(status, null, phase == view.Volume.Status?.Phase ? [] : phase switch
        {
            DataVolumePhases.Succeeded => [new(Event.Normal, $"{work}Succeeded", $"Successfully {(isClone ? "cloned" : "imported")} into {claim.Metadata.Name}")],
            DataVolumePhases.Failed => [new(Event.Warning, $"{work}Failed", message)],
            DataVolumePhases.ImportInProgress or DataVolumePhases.CloneInProgress => [new(Event.Normal, $"{work}InProgress", $"{work} into {claim.Metadata.Name} in progress")],
            DataVolumePhases.ImportScheduled or DataVolumePhases.CloneScheduled => [new(Event.Normal, $"{work}Scheduled", $"{work} into {claim.Metadata.Name} scheduled")],
            _ => [],
        });
    }

    private static VolumePlan Problem(VolumeView view, string reason, string message) => new(
        Status(view, DataVolumePhases.Pending, reason, message),
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
