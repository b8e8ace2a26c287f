namespace KvmAgent.TestSupport.Api;

internal sealed partial class Verbs
{
    public const string ForegroundFinalizer = "foregroundDeletion", OrphanFinalizer = "orphan";

    public Outcome Delete(Call call, DeleteOptions options)
    {
        call = options.DryRun ? call with { DryRun = true } : call;
        lock (world.Gate)
        {
            return Delete(call, Live(call), options);
        }
    }

    public IReadOnlyList<Stored> DeleteCollection(Call call, DeleteOptions options, Func<Stored, bool> matches)
    {
        lock (world.Gate)
        {
            var all = call.Type.Table.All(call.Type.Namespaced && call.Namespace.Length > 0 ? call.Namespace : null).Where(matches).ToList();
            foreach (var live in all)
            {
                Delete(call with { Namespace = live.Namespace, Name = live.Name, DryRun = call.DryRun || options.DryRun }, live, options);
            }

            return all;
        }
    }

    private Outcome Delete(Call call, Stored live, DeleteOptions options)
    {
        CheckPreconditions(call, live, options);
        var grace = Grace(call.Type, live, options);
        var finalizers = FinalizersFor(live, options.Policy);
        var waits = finalizers.Count > 0 || grace > 0 || HoldsNamespace(call.Type, live.Json);
        if (!waits)
        {
            var removed = Remove(call, live);
            return new Outcome(200, call.Type.ReturnsDeleted ? removed : null);
        }

        var known = live.Json.Number("metadata", "deletionGracePeriodSeconds");
        if (live.Deleting && known <= grace && finalizers.SequenceEqual(live.Finalizers))
        {
            return new Outcome(200, live);
        }

        var after = live.Json.Clone();
        var metadata = after.Metadata();
        metadata.Put("finalizers", finalizers.Count == 0 ? null : Json.List(finalizers));
        if (!live.Deleting || grace < known)
        {
            metadata["deletionTimestamp"] = World.Rfc3339(world.Now.AddSeconds(grace));
            metadata["deletionGracePeriodSeconds"] = grace;
        }

        if (!live.Deleting && live.Json.Number("metadata", "generation") is { } generation)
        {
            metadata["generation"] = generation + 1;
        }

        KindRules.OnDeletionBegins(call.Type, after);
        return new Outcome(200, Put(call, live, after));
    }

    private static void CheckPreconditions(Call call, Stored live, DeleteOptions options)
    {
        if (options.Uid is { } uid && uid != live.Uid)
        {
            throw ApiError.Conflict(call.Type, call.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {live.Uid}");
        }

        if (options.ResourceVersion is { } version && version != live.Version.ToString())
        {
            throw ApiError.Conflict(
                call.Type, call.Name, $"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {live.Version}");
        }
    }

    /// <summary>Only pods that a kubelet may run are waited for: until it deletes them with a grace of 0.</summary>
    private static long Grace(ResourceType type, Stored live, DeleteOptions options)
    {
        if (type is not { Group: "", Plural: "pods" }
            || live.Json.Text("spec", "nodeName") is not { Length: > 0 }
            || live.Json.Text("status", "phase") is "Failed" or "Succeeded")
        {
            return 0;
        }

        var asked = options.GracePeriodSeconds ?? live.Json.Number("metadata", "deletionGracePeriodSeconds")
            ?? live.Json.Number("spec", "terminationGracePeriodSeconds") ?? 30;

        // A grace period, once begun, only becomes shorter.
        return Math.Min(Math.Max(asked, 0), live.Json.Number("metadata", "deletionGracePeriodSeconds") ?? long.MaxValue);
    }

    private static List<string> FinalizersFor(Stored live, string? policy)
    {
        var finalizers = live.Finalizers.ToList();
        if (policy is not null)
        {
            finalizers.RemoveAll(static f => f is ForegroundFinalizer or OrphanFinalizer);
            if (policy == DeleteOptions.Foreground)
            {
                finalizers.Add(ForegroundFinalizer);
            }
            else if (policy == DeleteOptions.Orphan)
            {
                finalizers.Add(OrphanFinalizer);
            }
        }

        return finalizers;
    }
}
