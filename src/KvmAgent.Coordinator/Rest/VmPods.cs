using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>The pods of an instance, asked of its cluster in the caller's name.</summary>
internal static class VmPods
{
    /// <summary>Those that were made for it and, of an adopted one, the name of its own.</summary>
    /// <returns>Names, the newest first.</returns>
    public static async Task<IReadOnlyList<string>> NamesAsync(KubernetesClient client, string ns, VirtualMachineInstance? instance, CancellationToken cancel)
    {
        if (instance is null)
        {
            return [];
        }

        var made = await ListAsync(client, CoreKinds.Pods, ns, new ListOptions { LabelSelector = $"{MachineLabels.CreatedBy}={instance.Metadata.Uid}" }, cancel).ConfigureAwait(false);
        IEnumerable<string?> adopted = AdoptedPod.OwnerOf(instance) is { } owner ? [owner.Name] : [];
        return [.. adopted.Concat(made.OrderByDescending(static p => p.Metadata.CreationTimestamp).Select(static p => p.Metadata.Name)).OfType<string>()];
    }

    /// <returns>None where the server has no such kind, as a coordinator alone.</returns>
    public static async Task<IReadOnlyList<T>> ListAsync<T>(KubernetesClient client, ResourceKind<T> kind, string ns, ListOptions options, CancellationToken cancel)
        where T : class, IKubernetesObject
    {
        try
        {
            return (await client.ListAllAsync(kind, ns, options, cancel).ConfigureAwait(false)).Items;
        }
        catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
        {
            return [];
        }
    }
}
