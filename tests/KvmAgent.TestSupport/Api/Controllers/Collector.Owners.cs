using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What goes with its owners, and owners that wait for what is theirs.</summary>
internal sealed partial class Collector
{
    private void CollectIfUnowned(ResourceType type, Stored stored)
    {
        var owners = stored.Owners.ToList();
        if (owners.Count == 0)
        {
            return;
        }

        bool solid = false, waiting = false;
        var dangling = new List<string?>();
        foreach (var reference in owners)
        {
            // A kind that the server does not know may come: the real one waits for it too.
            if (_world.TypeOfKind(reference.Text("apiVersion") ?? "", reference.Text("kind") ?? "") is not { } kind)
            {
                return;
            }

            var owner = kind.Table.Find(kind.Namespaced ? stored.Namespace : "", reference.Text("name") ?? "");
            var there = owner is not null && owner.Uid == reference.Text("uid");
            var goes = there && owner!.Deleting && owner.Finalizers.Contains(Verbs.ForegroundFinalizer);
            solid |= there && !goes;
            waiting |= goes;
            if (!there || goes)
            {
                dangling.Add(reference.Text("uid"));
            }
        }

        if (solid && dangling.Count > 0)
        {
            Disown(type, stored, dangling);
        }
        else if (!solid)
        {
            var blocks = waiting && _world.Dependents(stored.Uid).Any(d => Blocks(d.Object, stored.Uid));
            var policy = blocks ? DeleteOptions.Foreground : stored.Finalizers.Contains(Verbs.OrphanFinalizer) ? DeleteOptions.Orphan : DeleteOptions.Background;
            Delete(type, stored, policy);
        }
    }

    private void GoAfterDependents(ResourceType type, Stored owner)
    {
        var blocking = _world.Dependents(owner.Uid).Where(d => Blocks(d.Object, owner.Uid)).ToList();
        if (blocking.Count == 0)
        {
            DropFinalizer(type, owner, Verbs.ForegroundFinalizer);
            return;
        }

        foreach (var (_, dependent) in blocking.Where(static d => !d.Object.Deleting))
        {
            Queue(dependent.Uid);
        }
    }

    private void Orphan(ResourceType type, Stored owner)
    {
        foreach (var (dependentType, dependent) in _world.Dependents(owner.Uid))
        {
            Disown(dependentType, dependent, [owner.Uid]);
        }

        DropFinalizer(type, owner, Verbs.OrphanFinalizer);
    }

    private static bool Blocks(Stored dependent, string owner) => dependent.Owners.Any(o => o.Text("uid") == owner && o.Flag("blockOwnerDeletion") == true);

    private void Disown(ResourceType type, Stored stored, IReadOnlyCollection<string?> uids) => Write(type, stored, json =>
    {
        var left = stored.Owners.Where(o => !uids.Contains(o.Text("uid"))).Select(static o => o.DeepClone()).ToArray();
        json.Metadata()["ownerReferences"] = new JsonArray(left);
    });
}
