using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace KvmAgent.TestSupport.Api;

/// <summary>
/// The garbage collector, the namespaces' and the CustomResourceDefinitions' cleaner. Each change queues the objects that it may concern;
/// one task looks at them one after the other, soon after, never within the request.
/// </summary>
internal sealed partial class Collector : IAsyncDisposable
{
    private readonly World _world;
    private readonly Verbs _verbs;
    private readonly Complaints _complaints;
    private readonly Identity _self = new("system:serviceaccount:kube-system:generic-garbage-collector", "", ["system:masters"]);
    private readonly Channel<string> _queue = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<(long Work, TaskCompletionSource Done)> _settled = [];
    private readonly Task _loop;
    private long _queued, _done;

    public Collector(World world, Verbs verbs, Complaints complaints)
    {
        (_world, _verbs, _complaints) = (world, verbs, complaints);
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
                return Task.CompletedTask;
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
                catch (ApiError e)
                {
                    // An object that may not be written as it is; nobody else would tell the test.
                    _complaints.Add($"the garbage collector could not go on: {e.Message}");
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
        Namespace = stored.Namespace,
        Name = stored.Name,
        Manager = "garbage-collector",
        FieldValidation = "Ignore",
    };
}
