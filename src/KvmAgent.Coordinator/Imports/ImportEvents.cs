using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What is told of an import as it goes on, with CDI's reasons.</summary>
internal static class ImportEvents
{
    /// <param name="before">As it was before it was told of the state.</param>
    /// <returns>Null where there is nothing new in it.</returns>
    public static MachineEvent? Of(PersistentVolumeClaim before, ImportState now)
    {
        var phase = ImportState.PhaseOf(before);
        var (reason, message) = (before.Metadata.Annotation(ImportAnnotations.RunningReason), before.Metadata.Annotation(ImportAnnotations.RunningMessage));
        var name = before.Metadata.Name;
        return now switch
        {
            { Phase: ImportState.Succeeded } => new(Event.Normal, "ImportSucceeded", $"Import into {name} successful: {now.Message}"),
            { Phase: ImportState.Failed } => new(Event.Warning, "ImportFailed", now.Message),
            { IsAtWork: true } => phase == ImportState.Running ? null : new(Event.Normal, "ImportInProgress", $"Import into {name} in progress"),
            { Reason: ImportState.Waiting or ImportState.Changed or ImportState.BackOff or StorageClone.Cloning or StorageClass.WaitForFirstConsumer } => null,
            { Reason: ImportState.Creating } => phase == ImportState.Running || reason == now.Reason ? null : new(Event.Normal, "ImportScheduled", $"Import into {name} scheduled"),
            _ when reason == now.Reason && message == now.Message => null,
            _ => new(Event.Warning, now.Phase == ImportState.Running ? "ImportFailed" : "ImportPending", now.Message),
        };
    }
}
