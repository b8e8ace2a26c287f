using System.Collections.Concurrent;
using KvmAgent.Coordinator.Machines;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>Sees every change of every pod: no machine may have two that live, whether or not one of them is being ended.</summary>
internal sealed class PodWatch
{
    private readonly Dictionary<string, HashSet<string>> _live = [];

    public PodWatch(TestApiServer server) => server.Changed += Look;

    public ConcurrentQueue<string> Violations { get; } = [];

    private void Look(ObjectChange change)
    {
        if (change is not { Group: "", Plural: "pods" } || change.Object["metadata"]!["annotations"]?[MachineLabels.Domain] is null)
        {
            return;
        }

        var (machine, uid) = (FakeNode.MachineOf(change.Object), (string)change.Object["metadata"]!["uid"]!);
        var live = _live.TryGetValue(machine, out var known) ? known : _live[machine] = [];
        if (change.Deleted || (string?)change.Object["status"]?["phase"] is "Succeeded" or "Failed")
        {
            live.Remove(uid);
        }
        else if (live.Add(uid) && live.Count > 1)
        {
            Violations.Enqueue($"{machine} has the pods {string.Join(" and ", live)} at once");
        }
    }
}
