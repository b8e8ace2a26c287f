using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>The link of an instance's agent: that of the pod which the instance's status records.</summary>
internal sealed class InstanceLinks(KubernetesClient client, AgentRegistry agents)
{
    /// <param name="notRunning">How a client is told that the guest does not run: of a console 400, on which virtctl tries again.</param>
    /// <exception cref="CoordinatorException">There is no such instance, it does not run, or its agent has no link.</exception>
    public async Task<AgentLink> OfRunningAsync(MachineKey key, FailureReason notRunning, CancellationToken cancel)
    {
        var instance = await client.FindAsync(Kinds.VirtualMachineInstances, key.Namespace, key.Name, cancel).ConfigureAwait(false)
            ?? throw new CoordinatorException(FailureReason.NotFound, $"virtualmachineinstance.kubevirt.io \"{key.Name}\" not found");
        if (instance.Status?.Phase != VmiPhases.Running)
        {
            throw new CoordinatorException(notRunning, $"VMI is not running; it is in phase {instance.Status?.Phase ?? VmiPhases.Pending}");
        }

        return (instance.Status.ActivePods?.Keys ?? []).Select(agents.Find).OfType<AgentLink>().FirstOrDefault()
            ?? throw new CoordinatorException(FailureReason.Unavailable, $"the agent of {key} has no link to this coordinator now; it dials again by itself, try again in a moment");
    }
}
