using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Imports.Crons;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Imports.Sources;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports;

/// <summary>A claim and its importer.</summary>
internal readonly record struct ClaimKey(string Namespace, string Name)
{
    /// <summary>Of a claim, or of what shares a claim's name: a DataVolume, and others of one namespace.</summary>
    public static ClaimKey Of(IKubernetesObject obj) => new(obj.Metadata.Namespace!, obj.Metadata.Name!);

    public override string ToString() => $"claim {Namespace}/{Name}";
}

/// <summary>Importers' pods, and the claims that ask for one, as this replica knows them.</summary>
internal sealed class ImportCache
{
    private const string ByReason = "reason", ByPod = "pod", ByTarget = "target", BySource = "source", ByCron = "cron", ByWork = "work", ByClass = "class", Unended = "unended";

    public ImportCache(KubernetesClient client, MachineCache machines, IReadOnlyList<string>? namespaces, TimeProvider time, ILogger<ImportCache> log)
    {
        Claims = machines.Claims;
        Volumes = new(client, Kinds.DataVolumes, namespaces, new() { Transform = Slim.Volume }, time, log);
        Claims.AddIndex(ByPod, static c => c.Metadata.Annotation(ImportAnnotations.PodUid) is { } uid ? [uid] : []);
        Sources = new(client, namespaces, time, log);
        Classes = new(client, CoreKinds.StorageClasses, null, null, time, log);
        Crons = new(client, Kinds.DataImportCrons, namespaces, new() { Transform = Slim.Cron }, time, log);
        Volumes.AddIndex(ByCron, static v => v.Metadata.Label(CronImports.Label) is { } cron ? [new ClaimKey(v.Metadata.Namespace!, cron).ToString()] : []);
        Volumes.AddIndex(BySource, static v => v.Spec?.SourceRef is { } reference ? [new ClaimKey(reference.Namespace ?? v.Metadata.Namespace!, reference.Name).ToString()] : []);
        Volumes.AddIndex(ByReason, static v => Conditions.Find(v.Status?.Conditions, "Running")?.Reason is { } reason ? [reason] : []);
        Claims.AddIndex(ByReason, static c => c.Metadata.Annotation(ImportAnnotations.RunningReason) is { } reason ? [reason] : []);
        Pods = new(client, CoreKinds.Pods, namespaces, new() { LabelSelector = $"{ImportAnnotations.AppLabel}={ImportAnnotations.App}", Transform = Slim.Pod }, time, log);
        Claims.AddIndex(ByClass, static c => ImportDecision.IsOurs(c) && ImportState.PhaseOf(c) != ImportState.Succeeded && c.Spec?.StorageClassName is { Length: > 0 } name ? [name] : []);
        // One may be seen after the claims of it that were made right after it.
        Classes.Changed += e =>
        {
            foreach (var claim in Claims.ByIndex(ByClass, e.Object.Metadata.Name!))
            {
                Touched?.Invoke(ClaimKey.Of(claim));
            }
        };
        Pods.AddIndex(ByWork, static p => IsOver(p) || p.Metadata.Annotation(ImportAnnotations.CloneServer) is not null ? [] : [Unended]);
        Pods.AddIndex(ByTarget, static p => CloneSourcePod.TargetOf(p) is { } target ? [target.ToString()] : []);
        Claims.Changed += e =>
        {
            if (ImportDecision.IsOurs(e.Object))
            {
                Touched?.Invoke(ClaimKey.Of(e.Object));
            }
        };
        Pods.Changed += PodChanged;
        Volumes.Changed += e =>
        {
            var key = ClaimKey.Of(e.Object);
            VolumeTouched?.Invoke(key);
            Sources.ClaimChanged(key);
            TouchCron(e.Object.Metadata);
        };
        Sources.Sources.Changed += e => TouchCron(e.Object.Metadata);
        Crons.Changed += e => CronTouched?.Invoke(ClaimKey.Of(e.Object));
        Sources.Touched += key =>
        {
            foreach (var volume in Volumes.ByIndex(BySource, key.ToString()))
            {
                VolumeTouched?.Invoke(ClaimKey.Of(volume));
            }
        };
        // A volume and its claim have one name.
        Claims.Changed += e =>
        {
            Sources.ClaimChanged(ClaimKey.Of(e.Object));
            if (Volumes.Get(e.Object.Metadata.Namespace, e.Object.Metadata.Name!) is not null)
            {
                VolumeTouched?.Invoke(ClaimKey.Of(e.Object));
            }
        };
    }

    /// <summary>Something of this claim's has changed.</summary>
    public event Action<ClaimKey>? Touched;

    /// <summary>Something of the DataImportCron of this name has changed.</summary>
    public event Action<ClaimKey>? CronTouched;

    /// <summary>Something of the DataVolume of this name has changed.</summary>
    public event Action<ClaimKey>? VolumeTouched;

    public Informer<PersistentVolumeClaim> Claims { get; }

    public Informer<DataVolume> Volumes { get; }

    public SourceCache Sources { get; }

    public Informer<DataImportCron> Crons { get; }

    public Informer<Pod> Pods { get; }

    /// <summary>Of the cluster.</summary>
    public Informer<StorageClass> Classes { get; }

    public Task Synced => Task.WhenAll(Claims.Synced, Pods.Synced, Volumes.Synced, Sources.Sources.Synced, Crons.Synced, Classes.Synced);

    /// <summary>How many imports are at work: each has one importer, and a clone is counted by what serves its source.</summary>
    public int AtWork => Pods.CountByIndex(ByWork, Unended);

    /// <summary>Pods that serve other claims' disks for this claim's sake.</summary>
    public IReadOnlyList<Pod> SourcesFor(ClaimKey key) => Pods.ByIndex(ByTarget, key.ToString());

    /// <summary>Null also where the claim names none.</summary>
    public StorageClass? ClassOf(PersistentVolumeClaim claim) => claim.Spec?.StorageClassName is { Length: > 0 } name ? Classes.Get(null, name) : null;

    /// <summary>The claim that an importer's pod fills.</summary>
    public PersistentVolumeClaim? ClaimOf(AgentIdentity pod) =>
        Claims.ByIndex(ByPod, pod.PodUid) is [{ } claim] && claim.Metadata.Namespace == pod.Namespace ? claim : null;

    /// <summary>Claims that wait for their turn, the oldest first.</summary>
    private IEnumerable<ClaimKey> Waiting => Claims.ByIndex(ByReason, ImportState.Waiting)
        .OrderBy(static c => c.Metadata.CreationTimestamp)
        .Select(ClaimKey.Of);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(Pods.RunAsync(stop), Volumes.RunAsync(stop), Sources.Sources.RunAsync(stop), Crons.RunAsync(stop), Classes.RunAsync(stop));

    /// <summary>What the cron has made.</summary>
    public IReadOnlyList<DataVolume> VolumesOf(ClaimKey cron) => Volumes.ByIndex(ByCron, cron.ToString());

    private void TouchCron(ObjectMeta made)
    {
        if (made.Label(CronImports.Label) is { } cron)
        {
            CronTouched?.Invoke(new ClaimKey(made.Namespace!, cron));
        }
    }

    private static bool IsOver(Pod pod) => pod.Status?.Phase is ImportState.Succeeded or ImportState.Failed;

    private void PodChanged(InformerEvent<Pod> e)
    {
        var pod = e.Object;
        if (pod.Metadata.Controller is { } owner)
        {
            (owner.Kind switch
            {
                "PersistentVolumeClaim" => Touched,
                "DataVolume" => VolumeTouched,
                "DataImportCron" => CronTouched,
                _ => null,
            })?.Invoke(new ClaimKey(pod.Metadata.Namespace!, owner.Name));
        }

        if (CloneSourcePod.TargetOf(pod) is { } target)
        {
            Touched?.Invoke(target);
        }

        if (e.Kind != InformerEventKind.Deleted && !IsOver(pod))
        {
            return;
        }

        // A turn is free.
        foreach (var key in Waiting)
        {
            Touched?.Invoke(key);
        }

        foreach (var volume in Volumes.ByIndex(ByReason, VolumeSize.Detection))
        {
            VolumeTouched?.Invoke(ClaimKey.Of(volume));
        }

        // Few, and none of them says whether it waits.
        foreach (var cron in Crons.List())
        {
            CronTouched?.Invoke(ClaimKey.Of(cron));
        }
    }
}
