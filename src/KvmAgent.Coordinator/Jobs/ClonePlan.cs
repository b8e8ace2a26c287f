using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>What is made to clone a machine; all of it is read in the caller's name.</summary>
internal static class ClonePlan
{
    /// <param name="name">The copy's, in the same namespace.</param>
    /// <param name="start">Whether it starts when its disks are there.</param>
    /// <exception cref="CoordinatorException">There is no such machine, or its copy's disks would have names that are taken.</exception>
    public static async Task<JobPlan> OfAsync(Provider provider, KubernetesClient client, MachineKey source, string name, bool start, CancellationToken cancel)
    {
        if (name == source.Name)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"name=\"{name}\" is the machine's own; give the copy another");
        }

        var instance = await client.FindAsync(Kinds.VirtualMachineInstances, source.Namespace, source.Name, cancel).ConfigureAwait(false);
        var machine = await MachineAsync(client, source, cancel).ConfigureAwait(false)
            ?? throw (instance is null ? VmRoutes.NotFound(source)
                : new CoordinatorException(FailureReason.Conflict, $"{source} is an instance without a VirtualMachine, so it cannot be cloned; whatever made it can make another"));
        var claims = new Dictionary<string, PersistentVolumeClaim>();
        foreach (var claim in MachineClone.ClaimsOf(machine))
        {
            var (isKnown, found) = await LookAsync(client, CoreKinds.PersistentVolumeClaims, source.Namespace, claim, cancel).ConfigureAwait(false);
            if (found is not null)
            {
                claims[claim] = found;
            }
            else if (isKnown)
            {
                throw new CoordinatorException(FailureReason.Conflict, $"{source} has a disk on PersistentVolumeClaim {claim}, which is not there; make it, or take the disk out of the machine");
            }
        }

        var disks = MachineClone.DisksOf(machine, name);
        if (disks.Count > 0)
        {
            await DemandDataVolumesAsync(provider, client, source, cancel).ConfigureAwait(false);
        }

        foreach (var disk in disks)
        {
            // A machine takes a claim of its template's name as it is, whosever that is.
            if ((await LookAsync(client, CoreKinds.PersistentVolumeClaims, source.Namespace, disk, cancel).ConfigureAwait(false)).Found is not null
                || (await LookAsync(client, Kinds.DataVolumes, source.Namespace, disk, cancel).ConfigureAwait(false)).Found is not null)
            {
                throw new CoordinatorException(FailureReason.Conflict, $"claim {source.Namespace}/{disk}, which would be a disk of {name}, is there already; delete it, or give another name");
            }
        }

        return new JobPlan(
            JobKinds.Clone, Kinds.VirtualMachines.Kind, source.Namespace, name, source.ToString(), Kinds.VirtualMachines.Path(source.Namespace),
            MachineClone.Of(machine, name, start, claims, provider.StorageClass),
            Words(source, name, disks.Count, instance is { } runs && !VmiPhases.IsFinal(runs.Status?.Phase)));
    }

    private static string Words(MachineKey source, string name, int disks, bool runs) =>
        $"{source.Namespace}/{name} is being made of {source}, with {disks switch { 0 => "no disk to copy", 1 => "a copy of its disk", _ => $"copies of its {disks} disks" }}"
        + (runs && disks > 0 ? $"; {source} runs: unless the storage clones by itself, a disk is copied when nobody may write to it any more, so stop the machine" : "");

    /// <summary>KubeVirt itself would make the machine, and never a disk.</summary>
    private static async Task DemandDataVolumesAsync(Provider provider, KubernetesClient client, MachineKey source, CancellationToken cancel)
    {
        try
        {
            await client.ListAsync(Kinds.DataVolumes, source.Namespace, new ListOptions { Limit = 1 }, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsForbidden)
        {
            // As with claims.
        }
        catch (KubernetesException e) when (e.IsKindUnknown)
        {
            throw new CoordinatorException(
                FailureReason.Invalid, $"{source} cannot be cloned: provider \"{provider.Name}\" has no DataVolumes ({Kinds.DataVolumes.ApiVersion}), by which disks are copied; install CDI or kvm-coordinator there", e);
        }
    }

    private static async Task<JsonObject?> MachineAsync(KubernetesClient client, MachineKey key, CancellationToken cancel)
    {
        try
        {
            return JsonNode.Parse(await client.GetRawAsync(Kinds.VirtualMachines.Path(key.Namespace, key.Name), cancel).ConfigureAwait(false))!.AsObject();
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <returns>Whether it may be seen, and it.</returns>
    private static async Task<(bool IsKnown, T? Found)> LookAsync<T>(KubernetesClient client, ResourceKind<T> kind, string ns, string name, CancellationToken cancel)
        where T : class, IKubernetesObject
    {
        try
        {
            return (true, await client.FindAsync(kind, ns, name, cancel).ConfigureAwait(false));
        }
        catch (KubernetesException e) when (e.IsForbidden || e.IsKindUnknown)
        {
            // Who may make machines need not see claims: then it turns out later, and is told on the job.
            return (false, null);
        }
    }
}
