using System.Text.RegularExpressions;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Adoption;

/// <summary>
/// A pod that others made, and whose agent links to us (charts/kvm-agent); and the instance that shows it. Such an instance is the pod's:
/// it goes with it, it is never realised, and nothing is done to the pod for it.
/// </summary>
internal static partial class AdoptedPod
{
    private const int LongestName = 253;

    /// <summary>Linked pods but for those that are made here: what a label of theirs says changes nothing of whose they are.</summary>
    public const string Selector = $"{MachineLabels.Linked}=true,{MachineLabels.Role}!={MachineLabels.Launcher}";

    /// <summary>The pod that an instance was adopted from; null of all others. The label alone is no proof, nor is an owner alone.</summary>
    public static OwnerReference? OwnerOf(VirtualMachineInstance instance) =>
        instance.Metadata.Label(MachineLabels.Adopted) == "true" && instance.Metadata.Controller is { Kind: "Pod" } owner && owner.ApiVersion == CoreKinds.Pods.ApiVersion
            ? owner
            : null;

    /// <summary>What the pod's instance is called; null where it shall have none, as it is already an instance's own.</summary>
    public static MachineKey? KeyOf(Pod pod) => pod.Metadata.Controller is { Kind: "VirtualMachineInstance" } ? null
        : pod.Metadata.Annotation(MachineLabels.Domain) is { Length: > 0 and <= LongestName } name && ObjectName().IsMatch(name) ? new(pod.Metadata.Namespace!, name)
        : new(pod.Metadata.Namespace!, pod.Metadata.Name!);

    /// <summary>Whether a guest runs in it, or will.</summary>
    public static bool IsLive(Pod pod) => pod.Metadata.DeletionTimestamp is null && pod.Status?.Phase is not ("Succeeded" or "Failed");

    /// <summary>
    /// What a new instance can say of a machine that it did not make: that it has the pod's network. The rest is the agent's to tell, in the
    /// status. Nobody needs to wait for the instance, and so it does not block its owner's deletion, which would take a right over pods.
    /// </summary>
    public static VirtualMachineInstance InstanceOf(Pod pod, MachineKey key) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = key.Name,
            Namespace = key.Namespace,
            Labels = new Dictionary<string, string> { [MachineLabels.Adopted] = "true" },
            Annotations = pod.Metadata.Annotation(MachineLabels.Display) is { } display ? new Dictionary<string, string> { [MachineLabels.Display] = display } : null,
            OwnerReferences = [CoreKinds.Pods.OwnerOf(pod) with { BlockOwnerDeletion = null }],
        },
        Spec = new VmiSpec
        {
            Domain = new Domain { Devices = new Devices { Interfaces = [new Interface { Name = Network, Masquerade = new Masquerade() }] } },
            Networks = [new VmNetwork { Name = Network, Pod = new PodNetwork() }],
        },
    };

    private const string Network = "default";

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ObjectName();
}
