using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <param name="Resolved">What the source comes to.</param>
/// <param name="Claim">Where that is one.</param>
/// <param name="Volume">The DataVolume of the claim's name.</param>
internal sealed record SourceView(DataSource Source, SourceResolution Resolved, PersistentVolumeClaim? Claim, DataVolume? Volume, DateTimeOffset Now)
{
    /// <summary>Where that is one, and it is there.</summary>
    public VolumeSnapshot? Snapshot { get; init; }
}

/// <summary>Whether a DataSource can be cloned from, told in CDI's words.</summary>
internal static class SourceDecision
{
    public const string Ready = "Ready";

    private const string Message = "DataSource is ready to be consumed";

    public static DataSourceStatus Decide(SourceView view)
    {
        var (isReady, reason, message) = Judge(view);
        var conditions = new Conditions(view.Source.Status?.Conditions, [Ready], view.Now);
        conditions.Set(Ready, isReady, reason, message);
        return (view.Source.Status ?? new()) with { Source = view.Resolved.Source, Conditions = conditions.All };
    }

    private static (bool IsReady, string Reason, string Message) Judge(SourceView view) => view switch
    {
        { Resolved: { Source: null } none } => (false, none.Reason, none.Message),
        { Resolved.Source.Snapshot: { } snapshot } => view.Snapshot switch
        {
            null => (false, SourceResolution.NotFound, $"VolumeSnapshot {snapshot.Namespace}/{snapshot.Name} is not there"),
            { Status.ReadyToUse: true } => (true, Ready, Message),
            _ => (false, "SnapshotNotReady", $"VolumeSnapshot {snapshot.Namespace}/{snapshot.Name} is not ready to use yet"),
        },
        { Claim: null } => (false, SourceResolution.NotFound, $"PersistentVolumeClaim {view.Resolved.Source.Pvc!.Namespace}/{view.Resolved.Source.Pvc.Name} is not there"),
        { Volume: { } volume } when volume.Status?.Phase != DataVolumePhases.Succeeded =>
            (false, volume.Status?.Phase ?? DataVolumePhases.Pending, $"Import DataVolume phase {volume.Status?.Phase ?? DataVolumePhases.Pending}"),
        { Claim: { } claim } when !ClaimContent.IsFilled(claim) => (false, ImportState.PhaseOf(claim) ?? DataVolumePhases.Pending, ClaimContent.Describe(claim)),
        _ => (true, Ready, Message),
    };
}
