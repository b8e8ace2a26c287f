using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

/// <summary>How far the import of a claim is.</summary>
/// <param name="Phase">A pod's: <c>Pending</c>, <c>Running</c>, <c>Succeeded</c> or <c>Failed</c>; it goes back only for another request, or where the pod is gone.</param>
/// <param name="Reason">In a word.</param>
/// <param name="Message">For people.</param>
internal sealed record ImportState(string Phase, string Reason, string Message)
{
    public const string Pending = "Pending", Running = "Running", Succeeded = "Succeeded", Failed = "Failed";

    /// <summary>Of progress.</summary>
    public const string Whole = "100.0%";

    /// <summary>Reasons.</summary>
    public const string Waiting = "Waiting", Creating = "ContainerCreating", Changed = "RequestChanged", BackOff = "BackOff";

    /// <summary>Of what waits.</summary>
    public const string WaitingMessage = "the import waits for its turn";

    /// <summary>Null: there is none.</summary>
    public Pod? Pod { get; init; }

    public int Restarts { get; init; }

    /// <summary>Whether the claim has no volume before a pod uses it.</summary>
    public bool BindsLate { get; init; }

    /// <summary>Whether the importer is at work.</summary>
    public bool IsAtWork { get; init; }

    /// <summary>See <see cref="ImportAnnotations.Request"/>.</summary>
    public string? Request { get; init; }

    public static string? PhaseOf(PersistentVolumeClaim claim) => claim.Metadata.Annotation(ImportAnnotations.Phase);

    /// <returns>What is to be written of the claim; null where it says so already.</returns>
    public JsonObject? Patch(PersistentVolumeClaim claim)
    {
        var wanted = Annotations(claim);
        var now = new JsonObject(wanted.Select(a => new KeyValuePair<string, JsonNode?>(a.Key, claim.Metadata.Annotation(a.Key))).Where(static a => a.Value is not null));
        return JsonMerge.Difference(now, wanted) is not { } difference ? null : new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = claim.Metadata.Uid,
                ["annotations"] = difference,
                ["labels"] = new JsonObject { [ImportAnnotations.AppLabel] = ImportAnnotations.App },
            },
        };
    }

    private JsonObject Annotations(PersistentVolumeClaim claim)
    {
        var (bound, reason, message) = claim.Status?.Phase switch
        {
            PersistentVolumeClaim.Bound => ("true", "Bound", "the claim has its volume"),
            PersistentVolumeClaim.Lost => ("false", "Lost", "the claim's volume is lost"),
            _ when BindsLate => ("false", StorageClass.WaitForFirstConsumer,
                $"StorageClass {claim.Spec?.StorageClassName} gives the claim its volume with the first pod that uses it{(StorageClone.TypeOf(claim) is null ? ", the importer's" : "")}"),
            _ => ("false", "Pending", "the claim has no volume yet"),
        };
        var annotations = new JsonObject
        {
            [ImportAnnotations.Phase] = Phase,
            [ImportAnnotations.EarlyPhase] = Phase,
            [ImportAnnotations.PodName] = Pod?.Metadata.Name,
            [ImportAnnotations.EarlyPodName] = Pod?.Metadata.Name,
            [ImportAnnotations.PodUid] = Pod?.Metadata.Uid,
            [ImportAnnotations.Restarts] = Restarts.ToString(CultureInfo.InvariantCulture),
            [ImportAnnotations.Running] = IsAtWork ? "true" : "false",
            [ImportAnnotations.RunningReason] = Reason,
            [ImportAnnotations.RunningMessage] = Message,
            [ImportAnnotations.Bound] = bound,
            [ImportAnnotations.BoundReason] = reason,
            [ImportAnnotations.BoundMessage] = message,
            [ImportAnnotations.Request] = Request,
        };
        if (Phase is Pending or Succeeded)
        {
            // Between them the importer itself says how far it is.
            var progress = Phase == Succeeded ? Whole : null;
            annotations[ImportAnnotations.Progress] = progress;
            annotations[ImportAnnotations.EarlyProgress] = progress;
        }

        if (Phase is Succeeded or Failed || Pod?.Metadata.Uid != claim.Metadata.Annotation(ImportAnnotations.PodUid))
        {
            // Nobody waits any more. One that is known may wait before the kubelet says that its pod runs.
            annotations[ImportAnnotations.PodReady] = null;
        }

        return annotations;
    }
}
