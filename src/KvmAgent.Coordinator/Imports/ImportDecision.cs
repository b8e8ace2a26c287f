using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What a decision about an import rests on.</summary>
/// <param name="Pod">Of the importer's name, whoever made it.</param>
/// <param name="Source">How the claim is that shall be cloned; null where that is not wanted.</param>
internal sealed record ImportView(PersistentVolumeClaim Claim, Pod? Pod, CloneView? Source = null);

/// <summary>One write, beside that of the state.</summary>
internal abstract record ImportAction
{
    /// <summary>When it is the claim's turn.</summary>
    public sealed record CreatePod(ImportRequest Request) : ImportAction;

    public sealed record DeletePod(Pod Pod) : ImportAction;
}

/// <param name="State">Null: it stays as it is.</param>
/// <param name="Serve">Whether what serves a clone's source is needed on.</param>
internal sealed record ImportPlan(ImportState? State, ImportAction? Action = null, bool Serve = false)
{
    public static readonly ImportPlan Nothing = new((ImportState?)null);
}

/// <summary>
/// What to do for a claim that asks for its content.
///
///     no pod: Pending ── its turn, made ──► Pending (why it does not start) ──► Running ── ended with 0 ──► Succeeded, the pod is deleted
///                                                                                 │ refused, or wrongly asked: Failed, the pod is deleted
///                                                                                 └ ended otherwise: Running, the kubelet starts it again
///
/// What has failed is tried again once the claim asks for something else. What has succeeded stays, whatever is asked later.
/// </summary>
internal static class ImportDecision
{
    public static ImportPlan Decide(ImportView view)
    {
        var claim = view.Claim;
        var own = view.Pod is { } there && there.Metadata.Controller?.Uid == claim.Metadata.Uid ? there : null;
        if (ImportRequest.Of(claim) is not var (request, problem) || claim.Metadata.DeletionTimestamp is not null)
        {
            // The claim stays while a pod uses it.
            return new ImportPlan(null, Delete(own));
        }

        var phase = ImportState.PhaseOf(claim);
        if (phase == ImportState.Succeeded)
        {
            return new ImportPlan(null, IsRetained(claim) ? null : Delete(own));
        }

        if (problem is not null)
        {
            return new ImportPlan(new ImportState(ImportState.Failed, "BadRequest", problem), Delete(own));
        }

        var hash = request!.Hash(claim);
        if (own is not null && own.Metadata.Annotation(ImportAnnotations.Request) != hash)
        {
            return new ImportPlan(new ImportState(ImportState.Pending, ImportState.Changed, "the importer of the former request is ended"), Delete(own));
        }

        if (phase == ImportState.Failed && claim.Metadata.Annotation(ImportAnnotations.Request) == hash)
        {
            return new ImportPlan(null, Delete(own));
        }

        if (request.CloneOf is not null && own?.Status?.Phase != ImportState.Succeeded)
        {
            var clone = view.Source!;
            if (clone.Server is null || (own is not null && own.Metadata.Annotation(ImportAnnotations.CloneServer) != clone.Server))
            {
                var (reason, message) = clone.Server is null ? (clone.Reason, clone.Message) : (ImportState.Changed, "the source's disk is served elsewhere by now");
                return new ImportPlan(new ImportState(Begun(claim), reason, message) { Request = hash }, Delete(own), Serve: true);
            }

            request = request with { Server = clone.Server };
        }

        var plan = own is not null ? Follow(claim, own)
            : view.Pod is { } stranger ? new ImportPlan(new ImportState(
                ImportState.Pending, "PodNameTaken", $"pod {stranger.Metadata.Name} is not this claim's importer, but has its name; delete it"))
            : new ImportPlan(new ImportState(ImportState.Pending, ImportState.Waiting, ImportState.WaitingMessage), new ImportAction.CreatePod(request));
        return plan with { State = plan.State! with { Request = hash }, Serve = request.Server is not null && plan.State!.Phase is ImportState.Pending or ImportState.Running };
    }

    private static ImportPlan Follow(PersistentVolumeClaim claim, Pod pod)
    {
        var container = pod.Status?.ContainerStatuses?.FirstOrDefault(static c => c.Name == ImporterPod.ContainerName);
        var restarts = container?.RestartCount ?? 0;
        var ended = container?.State?.Terminated ?? container?.LastState?.Terminated;
        var result = ended is null ? null : Read(ended);
        ImportState State(string phase, string reason, string message) => new(phase, reason, message) { Pod = pod, Restarts = restarts };
        if (pod.Status?.Phase == ImportState.Succeeded)
        {
            var done = State(ImportState.Succeeded, "Completed", result?.Message ?? ImportResult.Complete);
            return IsRetained(claim) ? new ImportPlan(done) : new ImportPlan(done with { Pod = null }, Delete(pod));
        }

        if (result is { Reason: "Refused" or "Settings" })
        {
            return new ImportPlan(State(ImportState.Failed, result.Reason, result.Message) with { Pod = null }, Delete(pod));
        }

        if (pod.Status?.Phase == ImportState.Failed)
        {
            // Evicted, or its node was shut down: another takes its place.
            var why = pod.Status.Message ?? result?.Message ?? "the pod failed";
            return new ImportPlan(State(Begun(claim), pod.Status.Reason ?? "PodFailed", why), Delete(pod));
        }

        var begun = container?.State?.Running is not null || restarts > 0 || ended is not null ? ImportState.Running : Begun(claim);
        if (container?.State?.Running is not null)
        {
            return new ImportPlan(State(begun, "Running", result is null ? "the importer is at work" : $"the importer is at work again, after: {result.Message}") with { IsAtWork = true });
        }

        var (reason, message) = result is not null ? (result.Reason, $"{result.Message}; it is tried again")
            : ContainerTrouble.Of(pod) is { } trouble ? (trouble.Reason, trouble.Message)
            : Conditions.Find(pod.Status?.Conditions, InstanceStatus.PodScheduled) is { Status: Kubernetes.Resources.Condition.False } unscheduled
                ? (unscheduled.Reason ?? "Unschedulable", unscheduled.Message ?? "the importer's pod finds no node")
            : (ImportState.Creating, "the importer is being started");
        return new ImportPlan(State(begun, reason, message));
    }

    /// <summary>An import that was at work does not seem to begin anew when its pod does.</summary>
    private static string Begun(PersistentVolumeClaim claim) => ImportState.PhaseOf(claim) == ImportState.Running ? ImportState.Running : ImportState.Pending;

    private static bool IsRetained(PersistentVolumeClaim claim) => claim.Metadata.Annotation(ImportAnnotations.RetainPod) == "true";

    private static ImportAction.DeletePod? Delete(Pod? pod) => pod is { Metadata.DeletionTimestamp: null } ? new ImportAction.DeletePod(pod) : null;

    /// <summary>The termination message, which is anything where something else ended the process.</summary>
    private static ImportResult Read(ContainerTerminated ended)
    {
        try
        {
            if (ended.Message is { Length: > 0 } text && JsonSerializer.Deserialize(text, ContractsJson.Default.ImportResult) is { Message: { Length: > 0 }, Reason: { Length: > 0 } } result)
            {
                return result;
            }
        }
        catch (JsonException)
        {
            // As said.
        }

        var by = ended.Signal is > 0 and var signal ? $"signal {signal}" : $"exit code {ended.ExitCode}";
        return new ImportResult(ended.Reason == "OOMKilled" ? "the importer was killed for memory; raise its limit" : $"the importer ended by {by}", ended.Reason ?? "Error", ended.ExitCode);
    }
}
