using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What a decision about an import rests on.</summary>
/// <param name="Pod">Of the importer's name, whoever made it.</param>
/// <param name="Source">How the claim is that shall be cloned; null where that is not wanted.</param>
internal sealed record ImportView(PersistentVolumeClaim Claim, Pod? Pod, CloneView? Source = null)
{
    /// <summary>The claim's, where it is known.</summary>
    public StorageClass? Class { get; init; }
}

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
    /// <summary>Whether the claim is one to be looked at.</summary>
    public static bool IsOurs(PersistentVolumeClaim claim) => ImportAnnotations.IsAsked(claim.Metadata) || StorageClone.TypeOf(claim) is not null;

    public static ImportPlan Decide(ImportView view)
    {
        var plan = DecideWork(view);
        return plan.State is { } state && view.Class?.VolumeBindingMode == StorageClass.WaitForFirstConsumer ? plan with { State = state with { BindsLate = true } } : plan;
    }

    private static ImportPlan DecideWork(ImportView view)
    {
        var claim = view.Claim;
        if (StorageClone.TypeOf(claim) is not null)
        {
            return claim.Metadata.DeletionTimestamp is not null || ImportState.PhaseOf(claim) == ImportState.Succeeded
                ? ImportPlan.Nothing : new ImportPlan(StorageClone.StateOf(claim, view.Class));
        }

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
        var report = ImporterReport.Of(pod);
        ImportState State(string phase) => new(phase, report.Reason, report.Message) { Pod = pod, Restarts = report.Restarts };
        switch (report.Stage)
        {
            case ImporterStage.Succeeded:
                var done = State(ImportState.Succeeded);
                return IsRetained(claim) ? new ImportPlan(done) : new ImportPlan(done with { Pod = null }, Delete(pod));
            case ImporterStage.Refused:
                return new ImportPlan(State(ImportState.Failed) with { Pod = null }, Delete(pod));
            case ImporterStage.Gone:
                // Another takes its place.
                return new ImportPlan(State(Begun(claim)), Delete(pod));
            default:
                return new ImportPlan(State(report.Stage == ImporterStage.Starting ? Begun(claim) : ImportState.Running) with { IsAtWork = report.Stage == ImporterStage.AtWork });
        }
    }

    /// <summary>An import that was at work does not seem to begin anew when its pod does.</summary>
    private static string Begun(PersistentVolumeClaim claim) => ImportState.PhaseOf(claim) == ImportState.Running ? ImportState.Running : ImportState.Pending;

    private static bool IsRetained(PersistentVolumeClaim claim) => claim.Metadata.Annotation(ImportAnnotations.RetainPod) == "true";

    private static ImportAction.DeletePod? Delete(Pod? pod) => pod is { Metadata.DeletionTimestamp: null } ? new ImportAction.DeletePod(pod) : null;
}
