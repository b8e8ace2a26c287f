using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>Looks an instance up as it is now; null where there is none.</summary>
internal delegate Task<VirtualMachineInstance?> FindInstance(MachineKey key, CancellationToken cancel);

/// <summary>The link of an instance's agent: that of the pod which the instance's status records.</summary>
internal sealed class InstanceLinks(FindInstance find, AgentRegistry agents, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Of a cluster's instances.</summary>
    public InstanceLinks(KubernetesClient client, AgentRegistry agents, TimeProvider time)
        : this((key, cancel) => client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel), agents, time)
    {
    }

    /// <param name="notRunning">How a client is told that the guest does not run: of a console 400, on which virtctl tries again.</param>
    /// <exception cref="CoordinatorException">There is no such instance, it does not run, or its agent has no link.</exception>
    public async Task<AgentLink> OfRunningAsync(MachineKey key, FailureReason notRunning, CancellationToken cancel)
    {
        var instance = await find(key, cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.NotFound, $"virtualmachineinstance.kubevirt.io \"{key.Name}\" not found");
        if (instance.Status?.Phase != VmiPhases.Running)
        {
            throw new CoordinatorException(notRunning, $"VMI is not running; it is in phase {instance.Status?.Phase ?? VmiPhases.Pending}");
        }

        return await LinkAsync([.. instance.Status.ActivePods?.Keys ?? []], cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.Unavailable, $"the agent of {key} has no link to this coordinator now; it dials again by itself, try again in a moment");
    }

    /// <summary>An agent whose link was lost, as with a replica that has just begun, dials again within seconds.</summary>
    private async Task<AgentLink?> LinkAsync(IReadOnlyList<string> pods, CancellationToken cancel)
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
            if (Find() is { } link)
            {
                return link;
            }

            await connected.Task.WaitAsync(Patience, time, cancel).ConfigureAwait(false);
            return Find();
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            agents.Connected -= Connected;
        }

        AgentLink? Find() => pods.Select(agents.Find).OfType<AgentLink>().FirstOrDefault();
    }
}
