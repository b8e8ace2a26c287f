using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// The garbage collector, the namespaces' and the CustomResourceDefinitions' cleaner. Each change queues the objects that it may concern;
/// one task looks at them one after the other, soon after, never within the request.
/// </summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly World _world;
    private readonly Verbs _verbs;
    private readonly Identity _self = new("system:serviceaccount:kube-system:generic-garbage-collector", "", ["system:masters"]);
    private readonly Channel<string> _queue = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<(long Work, TaskCompletionSource Done)> _settled = [];
    private readonly Task _loop;
    private long _queued, _done;

    public Collector(World world, Verbs verbs)
    {
        (_world, _verbs) = (world, verbs);
        world.Changed += OnChanged;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Ends once all that was to be collected is.</summary>
    public Task SettledAsync()
    {
        lock (_world.Gate)
        {
            if (_done == _queued)
            {
                return _loop.IsFaulted ? _loop : Task.CompletedTask;
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _settled.Add((_queued, done));
            return done.Task;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
    }

    private void Queue(string uid)
    {
        if (_queue.Writer.TryWrite(uid))
        {
            _queued++;
        }
    }

    private void OnChanged(ResourceType type, Change change)
    {
        var gone = change.Kind == ChangeKind.Deleted;
        if (gone)
        {
            foreach (var (_, dependent) in _world.Dependents(change.Object.Uid))
            {
                Queue(dependent.Uid);
            }
        }

        // An owner that waits for its dependents looks again when one goes or refers to it no more.
        if (change.Before is { } before)
        {
            foreach (var owner in before.Owners)
            {
                if (owner.Text("uid") is { } uid && _world.ByUid(uid) is { Object.Deleting: true })
                {
                    Queue(uid);
                }
            }
        }

        if (gone && type.Namespaced && _world.TypeOf("", "namespaces").Table.Find("", change.Object.Namespace) is { Deleting: true } ns)
        {
            Queue(ns.Uid);
        }

        if (gone && type.Custom && CrdOf(type) is { Deleting: true } crd)
        {
            Queue(crd.Uid);
        }

        if (!gone && (change.Object.Deleting || change.Object.Owners.Any()))
        {
            Queue(change.Object.Uid);
        }
    }

    private async Task RunAsync()
    {
        await foreach (var uid in _queue.Reader.ReadAllAsync())
        {
            lock (_world.Gate)
            {
                try
                {
                    if (_world.ByUid(uid) is var (type, stored))
                    {
                        Look(type, stored);
                    }
                }
                finally
                {
                    _done++;
                    foreach (var (_, done) in _settled.Where(s => _done == _queued))
                    {
                        done.TrySetResult();
                    }

                    _settled.RemoveAll(static s => s.Done.Task.IsCompleted);
                }
            }
        }
    }

    private void Look(ResourceType type, Stored stored)
    {
        if (!stored.Deleting)
        {
            CollectIfUnowned(type, stored);
        }
        else if (type is { Group: "", Plural: "namespaces" })
        {
            Empty(type, stored);
        }
        else if (stored.Finalizers.Contains(CustomResources.Cleanup))
        {
            CleanUp(type, stored);
        }
        else if (stored.Finalizers.Contains(Verbs.OrphanFinalizer))
        {
            Orphan(type, stored);
        }
        else if (stored.Finalizers.Contains(Verbs.ForegroundFinalizer))
        {
            GoAfterDependents(type, stored);
        }
    }

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

    private void Empty(ResourceType type, Stored ns)
    {
        var left = false;
        foreach (var kind in _world.Types.Where(static t => t.Namespaced).ToList())
        {
            foreach (var stored in kind.Table.All(ns.Name).ToList())
            {
                left = true;
                if (!stored.Deleting)
                {
                    Delete(kind, stored, DeleteOptions.Background);
                }
            }
        }

        // What is gone at once has queued the namespace again.
        if (!left)
        {
            var last = ns.Json.Clone();
            last.Object("spec")?.Remove("finalizers");
            if (!ns.Finalizers.Any())
            {
                _world.Remove(type, ns, last);
            }
            else if (!JsonNode.DeepEquals(last, ns.Json))
            {
                _world.Put(type, ns, last);
            }
        }
    }

    private void CleanUp(ResourceType type, Stored crd)
    {
        var kind = _world.TypeOf(crd.Json.Text("spec", "group")!, crd.Json.Text("spec", "names", "plural")!);
        foreach (var stored in kind.Table.All(null).Where(static o => !o.Deleting).ToList())
        {
            Delete(kind, stored, null);
        }

        if (kind.Table.Count == 0)
        {
            DropFinalizer(type, crd, CustomResources.Cleanup);
        }
    }

    private Stored? CrdOf(ResourceType type) => _world.TypeOf("apiextensions.k8s.io", "customresourcedefinitions").Table.Find("", type.Qualified);

    private static bool Blocks(Stored dependent, string owner) => dependent.Owners.Any(o => o.Text("uid") == owner && o.Flag("blockOwnerDeletion") == true);

    private void Disown(ResourceType type, Stored stored, IReadOnlyCollection<string?> uids) => Write(type, stored, json =>
    {
        var left = stored.Owners.Where(o => !uids.Contains(o.Text("uid"))).Select(static o => o.DeepClone()).ToArray();
        json.Metadata()["ownerReferences"] = new JsonArray(left);
    });

    private void DropFinalizer(ResourceType type, Stored stored, string finalizer) =>
        Write(type, stored, json => json.Metadata()["finalizers"] = Json.List(stored.Finalizers.Where(f => f != finalizer)));

    private void Delete(ResourceType type, Stored stored, string? policy) =>
        _verbs.Delete(CallOn(type, stored), new DeleteOptions { Policy = policy, Uid = stored.Uid });

    private void Write(ResourceType type, Stored stored, Action<JsonObject> change)
    {
        var body = stored.Full(type.Storage);
        change(body);
        _verbs.Update(CallOn(type, stored), body);
    }

    private Call CallOn(ResourceType type, Stored stored) => new(type.Storage, _self)
    {
        Namespace = stored.Namespace, Name = stored.Name, Manager = "garbage-collector", FieldValidation = "Ignore",
    };
}
