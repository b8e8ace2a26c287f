using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>All that can be asked of machines and instances.</summary>
internal static class SubresourceList
{
    public static IReadOnlyList<Subresource> Of(KubernetesClient client, SizeCache sizes, InstanceLinks links) =>
        [.. new MachineVerbs(client).All, .. new SpecVerbs(client, sizes).All, .. OfInstances(links)];

    /// <summary>What needs no cluster.</summary>
    public static IReadOnlyList<Subresource> OfInstances(InstanceLinks links) =>
    [
        .. new InstanceVerbs(links).All, .. new GuestVerbs(links).All, .. new StreamVerbs(links).All, .. UnsupportedVerbs.All,
    ];
}
