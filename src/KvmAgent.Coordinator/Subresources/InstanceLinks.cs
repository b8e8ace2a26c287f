using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Looks an instance up as it is now; null where there is none.</summary>
internal delegate Task<VirtualMachineInstance?> FindInstance(MachineKey key, CancellationToken cancel);

/// <summary>The agent is linked to another replica, which can do what was asked.</summary>
internal sealed class LinkElsewhereException(Uri peer) : Exception($"the agent's link is at {peer}")
{
    public Uri Peer => peer;
}

/// <summary>The link of an instance's agent: that of the pod which the instance's status records.</summary>
/// <param name="peers">Null: there is no other replica.</param>
internal sealed class InstanceLinks(FindInstance find, AgentRegistry agents, Peers? peers, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), AskPeersEvery = TimeSpan.FromSeconds(2);

    /// <summary>Of a cluster's instances.</summary>
    public InstanceLinks(KubernetesClient client, AgentRegistry agents, Peers? peers, TimeProvider time)
        : this((key, cancel) => client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel), agents, peers, time)
    {
    }

    /// <param name="notRunning">How a client is told that the guest does not run: of a console 400, on which virtctl tries again.</param>
    /// <exception cref="CoordinatorException">There is no such instance, it does not run, or its agent has no link.</exception>
    /// <exception cref="LinkElsewhereException">Another replica has the link.</exception>
    public async Task<AgentLink> OfRunningAsync(SubresourceRequest request, FailureReason notRunning)
    {
        var key = new MachineKey(request.Namespace, request.Name);
        var instance = await find(key, request.Cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.NotFound, $"virtualmachineinstance.kubevirt.io \"{key.Name}\" not found");
        if (instance.Status?.Phase != VmiPhases.Running)
        {
            throw new CoordinatorException(notRunning, $"VMI is not running; it is in phase {instance.Status?.Phase ?? VmiPhases.Pending}");
        }

        var others = Peers.IsHandedOn(request.Http.Request) ? null : peers;
        return await LinkAsync([.. instance.Status.ActivePods?.Keys ?? []], others, request.Cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.Unavailable, $"the agent of {key} has no link to this coordinator now; it dials again by itself, try again in a moment");
    }

    /// <summary>An agent whose link was lost, as with a replica that has just begun, dials again within seconds; meanwhile another replica may have one.</summary>
    private async Task<AgentLink?> LinkAsync(IReadOnlyList<string> pods, Peers? others, CancellationToken cancel)
    {
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Connected(AgentLink link)
        {
            if (pods.Contains(link.Identity.PodUid))
            {
                connected.TrySetResult();
            }
        }

        agents.Connected += Connected;
        try
        {
            var began = time.GetTimestamp();
            while (Find() is null && time.GetElapsedTime(began) < Patience)
            {
                if (others is not null && await others.FindAsync(pods, cancel).ConfigureAwait(false) is { } peer)
                {
                    throw new LinkElsewhereException(peer);
                }

                await Task.WhenAny(connected.Task, Task.Delay(AskPeersEvery, time, cancel)).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
            }

            return Find();
        }
        finally
        {
            agents.Connected -= Connected;
        }

        AgentLink? Find() => pods.Select(agents.Find).OfType<AgentLink>().FirstOrDefault();
    }
}
