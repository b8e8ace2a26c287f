using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>Objects of a cluster by their names, seen with the coordinator's own rights, or with those that are kept for a provider.</summary>
internal class JobObjects(KubernetesClient client)
{
    public virtual Task<VirtualMachine?> MachineAsync(JobObject machine, CancellationToken cancel) => client.FindAsync(Kinds.VirtualMachines, machine.Namespace, machine.Name, cancel);

    public virtual Task<DataVolume?> VolumeAsync(string ns, string name, CancellationToken cancel) => client.FindAsync(Kinds.DataVolumes, ns, name, cancel);

    public virtual Task<PersistentVolumeClaim?> ClaimAsync(string ns, string name, CancellationToken cancel) => client.FindAsync(CoreKinds.PersistentVolumeClaims, ns, name, cancel);
}

/// <summary>Those of the own cluster, which are watched anyway; what a watch has not told yet is asked for.</summary>
/// <param name="imports">Null: DataVolumes are somebody else's here.</param>
internal sealed class CachedJobObjects(KubernetesClient client, MachineCache machines, ImportCache? imports) : JobObjects(client)
{
    public override async Task<VirtualMachine?> MachineAsync(JobObject machine, CancellationToken cancel) =>
        machines.Machines.Get(machine.Namespace, machine.Name) is { } known && known.Metadata.Uid == machine.Uid ? known : await base.MachineAsync(machine, cancel).ConfigureAwait(false);

    public override async Task<DataVolume?> VolumeAsync(string ns, string name, CancellationToken cancel) =>
        imports?.Volumes.Get(ns, name) ?? await base.VolumeAsync(ns, name, cancel).ConfigureAwait(false);

    public override Task<PersistentVolumeClaim?> ClaimAsync(string ns, string name, CancellationToken cancel) => Task.FromResult(machines.Claims.Get(ns, name));
}

/// <summary>Looks at what has been made for jobs.</summary>
/// <param name="own">Null: the own provider has no jobs.</param>
internal sealed class JobSight(ProviderSet providers, JobObjects? own)
{
    /// <summary>Of what is made for a job: its id.</summary>
    public const string Label = "kvmagent.io/job";

    /// <exception cref="CoordinatorException">Its provider cannot be asked now.</exception>
    /// <returns>Null where its provider is there no more.</returns>
    public async Task<JobView?> LookAsync(JobSummary job, CancellationToken cancel)
    {
        var objects = job.Provider == Provider.Own ? own : providers.FindKept(job.Provider) is { } kept ? new JobObjects(kept) : null;
        if (objects is null)
        {
            return null;
        }

        var there = new List<JobObject>();
        var disks = new List<DiskView>();
        foreach (var made in job.Objects)
        {
            if (made.Kind == Kinds.VirtualMachines.Kind)
            {
                if (await objects.MachineAsync(made, cancel).ConfigureAwait(false) is { } machine && IsIt(made, machine.Metadata, job))
                {
                    there.Add(made with { Uid = machine.Metadata.Uid });
                    foreach (var name in VolumeTemplates.Names(machine))
                    {
                        disks.Add(await DiskAsync(objects, made.Namespace, name, machine.Metadata.Uid!, cancel).ConfigureAwait(false));
                    }
                }
            }
            else if (await objects.VolumeAsync(made.Namespace, made.Name, cancel).ConfigureAwait(false) is { } volume && IsIt(made, volume.Metadata, job))
            {
                there.Add(made with { Uid = volume.Metadata.Uid });
                disks.Add(new DiskView(made.Name, volume));
            }
        }

        return new JobView(there, disks);
    }

    /// <summary>By its UID; where nobody has written that down, by the job that it names.</summary>
    private static bool IsIt(JobObject made, ObjectMeta found, JobSummary job) =>
        found.DeletionTimestamp is null && (made.Uid is null ? found.Label(Label) == job.Id : made.Uid == found.Uid);

    private static async Task<DiskView> DiskAsync(JobObjects objects, string ns, string name, string machineUid, CancellationToken cancel)
    {
        if (await objects.VolumeAsync(ns, name, cancel).ConfigureAwait(false) is { } volume)
        {
            return new DiskView(name, volume, IsOurs: volume.Metadata.Controller?.Uid == machineUid);
        }

        // Some importers take a volume away when it is filled, and a claim that came back with a backup needs none.
        return new DiskView(name, null, IsFilled: await objects.ClaimAsync(ns, name, cancel).ConfigureAwait(false) is { } claim && ClaimContent.IsFilled(claim));
    }
}
