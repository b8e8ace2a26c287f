using System.Collections.Concurrent;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Coordinator.Agents;

/// <summary>
/// The agents that are linked to this replica, by their pods' UIDs, and what they tell. Handlers of <see cref="Reported"/> are called in
/// the order of what one agent tells; a report is acknowledged once all have returned, and told again where one fails.
/// </summary>
internal sealed class AgentRegistry
{
    private readonly ConcurrentDictionary<string, AgentLink> _links = [];
    private readonly ConcurrentDictionary<string, JournalPosition> _acknowledged = [];

    public event Action<AgentReport>? Reported;

    public event Action<AgentLink>? Connected;

    public event Action<AgentLink>? Disconnected;

    public IReadOnlyCollection<AgentLink> All => [.. _links.Values];

    public AgentLink? Find(string podUid) => _links.GetValueOrDefault(podUid);

    /// <summary>The pod is gone: so is what is known of its history, and nobody may speak for it any more.</summary>
    public void Forget(string podUid) => Forget(podUid, "the pod is gone");

    /// <param name="why">What its agent is told, where it has a link.</param>
    public void Forget(string podUid, string why)
    {
        if (Find(podUid) is { } link)
        {
            _ = link.CloseAsync(why);
        }

        _acknowledged.TryRemove(podUid, out _);
    }

    /// <summary>Up to where this replica knows a pod's history.</summary>
    public JournalPosition? Acknowledged(string podUid) => _acknowledged.GetValueOrDefault(podUid);

    /// <summary>Takes up where a coordinator that kept what it knows has left off.</summary>
    public void Resume(string podUid, JournalPosition acknowledged) => _acknowledged[podUid] = acknowledged;

    /// <returns>The link of the same pod that it replaces.</returns>
    public AgentLink? Add(AgentLink link)
    {
        AgentLink? older = null;
        _links.AddOrUpdate(link.Identity.PodUid, link, (_, other) =>
        {
            older = other;
            return link;
        });
        Connected?.Invoke(link);
        return older;
    }

    public void Remove(AgentLink link)
    {
        if (_links.TryRemove(new KeyValuePair<string, AgentLink>(link.Identity.PodUid, link)))
        {
            Disconnected?.Invoke(link);
        }
    }

    public void Report(AgentReport report)
    {
        Reported?.Invoke(report);
        if (report.Transition is not null)
        {
            _acknowledged[report.Agent.PodUid] = new JournalPosition(report.Start.Id, report.Sequence);
        }
    }
}
