using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using KvmAgent.Coordinator.Machines;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>One way to a coordinator: links an agent, until the link ends.</summary>
internal delegate Task LinkAgent(FakeAgent agent, CancellationToken cancel);

/// <summary>
/// Scheduler and kubelet without containers: binds every pod, and does to it what they do as its agent starts, runs and ends. It looks at
/// the server from inside, so that the server's faults are the coordinator's alone.
/// </summary>
internal sealed class FakeNode : IAsyncDisposable
{
    public const string Name = "node-1", Audience = "kvm-coordinator";

    private readonly Channel<(string Uid, JsonObject? Pod)> _changes = Channel.CreateUnbounded<(string, JsonObject?)>();
    private readonly ConcurrentDictionary<string, FakePod> _pods = [];
    private readonly ConcurrentDictionary<string, string> _guests = [];
    private readonly CancellationTokenSource _end = new();
    private volatile CancellationTokenSource _cut = new();
    private readonly Task _running;

    public FakeNode(TestApiServer server)
    {
        Server = server;
        server.Changed += Changed;
        _running = Task.Run(RunAsync);
    }

    public TestApiServer Server { get; }

    /// <summary>Where agents link to; looked at anew all the time, as they resolve the Service.</summary>
    public ConcurrentDictionary<object, LinkAgent> Coordinators { get; } = [];

    /// <summary>Whether links work; those that are up break when they no longer do.</summary>
    public bool Linked
    {
        get => !_cut.IsCancellationRequested;
        set
        {
            if (value != Linked)
            {
                (value ? (Action)(() => _cut = new CancellationTokenSource()) : _cut.Cancel)();
            }
        }
    }

    /// <summary>Cancelled when links no longer work.</summary>
    public CancellationToken Cut => _cut.Token;

    /// <summary>Whether the node answers: lost, it ends no pod, and its guests run on.</summary>
    public bool Lost { get; set; }

    /// <summary>Whether pods are given a node.</summary>
    public bool Schedules { get; set; } = true;

    /// <summary>How often an agent looks for coordinators that it has no link to.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Makes an agent what a test wants, before it begins.</summary>
    public Action<FakeAgent>? Dress { get; set; }

    public TimeSpan Step { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>How long a guest takes to shut down.</summary>
    public TimeSpan Shutdown { get; set; } = TimeSpan.FromMilliseconds(30);

    /// <summary>What should never be: two guests of one machine at once, on one disk.</summary>
    public ConcurrentQueue<string> Violations { get; } = [];

    public IEnumerable<FakePod> Pods => _pods.Values;

    public CancellationToken Ended => _end.Token;

    public FakePod? Find(string uid) => _pods.GetValueOrDefault(uid);

    public bool IsRunning(string machine) => _guests.ContainsKey(machine);

    public void GuestStarts(string machine, string uid)
    {
        if (_guests.TryGetValue(machine, out var other) && other != uid)
        {
            Violations.Enqueue($"a guest of {machine} starts in pod {uid} while one runs in {other}");
        }

        _guests[machine] = uid;
    }

    public void GuestEnds(string machine, string uid) => _guests.TryRemove(KeyValuePair.Create(machine, uid));

    public async ValueTask DisposeAsync()
    {
        Server.Changed -= Changed;
        _changes.Writer.TryComplete();
        await _end.CancelAsync();
        await _running;
        await Task.WhenAll(_pods.Values.Select(static p => p.Running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
        _cut.Dispose();
    }

    private void Changed(ObjectChange change)
    {
        if (change is { Group: "", Plural: "pods" })
        {
            _changes.Writer.TryWrite(((string)change.Object["metadata"]!["uid"]!, change.Deleted ? null : change.Object));
        }
    }

    private async Task RunAsync()
    {
        await foreach (var (uid, pod) in _changes.Reader.ReadAllAsync())
        {
            if (pod is null)
            {
                _pods.GetValueOrDefault(uid)?.Removed();
            }
            else if (!_pods.TryGetValue(uid, out var known))
            {
                _pods[uid] = FakePod.Start(this, pod);
            }
            else if (pod["metadata"]!["deletionTimestamp"] is not null)
            {
                known.Delete();
            }
        }
    }

    public static string MachineOf(JsonObject pod) =>
        $"{(string?)pod["metadata"]!["namespace"]}/{(string?)pod["metadata"]!["annotations"]?[MachineLabels.Domain]}";
}
