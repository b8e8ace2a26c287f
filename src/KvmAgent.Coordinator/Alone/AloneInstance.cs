using System.Globalization;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Instances;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Alone;

/// <summary>
/// A VM's object from what its agent tells, by the cluster's own functions: where a kubelet would say how the pod is, the agent's word
/// stands for it, and its exit code for the container's. Each life of the agent begins anew, as another pod would be another instance; UID
/// and age stay the VM's.
/// </summary>
internal static class AloneInstance
{
    private const string NotLinked = "AgentNotLinked";

    public static VirtualMachineInstance New(MachineKey key, string uid, DateTimeOffset now)
    {
        var created = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
        return new VirtualMachineInstance
        {
            ApiVersion = Kinds.VirtualMachineInstances.ApiVersion,
            Kind = Kinds.VirtualMachineInstances.Kind,
            Metadata = new ObjectMeta
            {
                Name = key.Name,
                Namespace = key.Namespace,
                Uid = uid,
                CreationTimestamp = created,
                Labels = new Dictionary<string, string> { [MachineLabels.InstanceName] = MachineLabels.Value(key.Name) },
            },
            Spec = new VmiSpec { Domain = new Domain() },
            Status = Begin(uid, created),
        };
    }

    /// <param name="vm">As it is known.</param>
    /// <param name="report">What is new.</param>
    /// <param name="last">What the agent told before, in the same life; null where that is not known.</param>
    /// <param name="now">For a status; a transition has a time of its own.</param>
    /// <returns>The object as it is then, and the agent's status that it came from.</returns>
    public static (VirtualMachineInstance Vm, VmStatus Agent) Told(VirtualMachineInstance vm, AgentReport report, VmStatus? last, DateTimeOffset now)
    {
        if (vm.Status!.Agent?.Start != report.Start.Id)
        {
            vm = vm with { Status = Begin(vm.Metadata.Uid!, report.Start.Time) with { Agent = new AgentPosition(report.Start.Id, 0) } };
            last = null;
        }

        var agent = report.Transition is { } transition
            ? After(last ?? new VmStatus(vm.Metadata.Name!, vm.Metadata.Namespace!, VmPhase.Preparing, null, transition.Time, false, null, 0), transition)
            : report.Status!;
        vm = agent.Machine is { } machine ? vm with { Metadata = vm.Metadata with { Annotations = Annotations(machine) }, Spec = Spec(machine) } : vm;
        var view = new InstanceView(
            vm, PodOf(vm, agent), [], new Dictionary<string, PersistentVolumeClaim>(), new AgentView(vm.Metadata.Uid!, agent), report.Transition?.Time ?? now, LinkExpected: true);
        var (status, _) = InstanceStatus.Follow(view);
        var told = report.Transition is null ? vm.Status!.Agent : new AgentPosition(report.Start.Id, report.Sequence);
        return (vm with { Status = status with { Agent = told } }, agent);
    }

    /// <summary>Nobody tells how it is: what was known stays, but that it is ready nobody can say.</summary>
    public static VirtualMachineInstance Away(VirtualMachineInstance vm, DateTimeOffset now)
    {
        if (VmiPhases.IsFinal(vm.Status!.Phase) || Conditions.Find(vm.Status.Conditions, InstanceStatus.Ready)?.Reason == NotLinked)
        {
            return vm;
        }

        var conditions = new Conditions(vm.Status.Conditions, [InstanceStatus.Ready], now);
        conditions.Set(
            InstanceStatus.Ready,
            Condition.Undecided,
            NotLinked,
            $"the agent has had no link since {now.UtcDateTime.ToString("u", CultureInfo.InvariantCulture)}; its VM goes on without one, or has ended with it");
        return vm with { Status = vm.Status with { Conditions = conditions.All } };
    }

    private static VmiStatus Begin(string uid, DateTimeOffset time) => new()
    {
        Phase = VmiPhases.Pending,
        PhaseTransitionTimestamps = [new PhaseTransition(VmiPhases.Pending, time)],
        // There is no pod: the VM itself is what its agent's token names.
        ActivePods = new Dictionary<string, string> { [uid] = "" },
    };

    private static VmStatus After(VmStatus before, Contracts.Link.TransitionReport transition) => before with
    {
        Phase = transition.Phase,
        Reason = transition.Reason,
        Since = transition.Time,
        ExitCode = transition.ExitCode,
        Ready = before.Ready && transition.Phase == VmPhase.Running,
    };

    private static Dictionary<string, string>? Annotations(Contracts.VmMachineStatus machine) =>
        machine.Spice ? new Dictionary<string, string> { [MachineLabels.Display] = "spice" } : null;

    private static VmiSpec Spec(Contracts.VmMachineStatus machine) => new()
    {
        Domain = new Domain
        {
            Cpu = new Cpu { Cores = machine.Cpus },
            Memory = new Memory { Guest = Quantity.OfBytes(machine.MemoryBytes) },
        },
    };

    private static Pod PodOf(VirtualMachineInstance vm, VmStatus agent)
    {
        IReadOnlyList<string> addresses = agent.Network is { } network
            ? [.. new[] { network.PodIp, network.PodIp6 }.OfType<string>()]
            : vm.Status!.Interfaces is [{ IpAddresses: { } known }, ..] ? known : [];
        return new Pod
        {
            Metadata = new ObjectMeta { Name = vm.Metadata.Name, Namespace = vm.Metadata.Namespace, Uid = vm.Metadata.Uid },
            Status = new PodStatus
            {
                Phase = agent.ExitCode switch { null => "Running", 0 => "Succeeded", _ => "Failed" },
                PodIPs = [.. addresses.Select(static a => new PodIp(a))],
                ContainerStatuses = agent.ExitCode is not { } code ? null :
                [
                    new ContainerStatus
                    {
                        Name = "agent",
                        State = new ContainerState { Terminated = new ContainerTerminated { ExitCode = code, Message = agent.Reason } },
                    },
                ],
            },
        };
    }
}
