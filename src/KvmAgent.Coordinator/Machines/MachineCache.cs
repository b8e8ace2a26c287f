using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>A machine, its instance and its pod have one name in one namespace.</summary>
internal readonly record struct MachineKey(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>The cluster's machines, instances, pods of VMs and claims, as this replica knows them: kept current by watches.</summary>
internal sealed class MachineCache
{
    private const string ByMachine = "machine", ByUid = "uid", ByPod = "pod", ByClaim = "claim", ByNamespace = "namespace", BySize = "size";

    private readonly Informer<PersistentVolumeClaim> _claims;
    public MachineCache(KubernetesClient client, string? ns, TimeProvider time, ILogger<MachineCache> log)
    {
        Machines = new Informer<VirtualMachine>(client, Kinds.VirtualMachines, ns, null, time, log);
        Instances = new Informer<VirtualMachineInstance>(client, Kinds.VirtualMachineInstances, ns, null, time, log);
        Pods = new Informer<Pod>(
            client, CoreKinds.Pods, ns, new InformerOptions<Pod> { LabelSelector = $"{MachineLabels.Role}={MachineLabels.Launcher}" }, time, log);
        _claims = new Informer<PersistentVolumeClaim>(client, CoreKinds.PersistentVolumeClaims, ns, null, time, log);
        Sizes = new SizeCache(client, ns, time, log);
        Machines.AddIndex(BySize, static m => SizeCache.NamesOf(m));
        Instances.AddIndex(ByClaim, static i => Claims(i));
        Instances.AddIndex(ByPod, static i => i.Status?.ActivePods?.Keys ?? []);
        Pods.AddIndex(ByMachine, static p => KeyOf(p) is { } key ? [key.ToString()] : []);
        Pods.AddIndex(ByUid, static p => [p.Metadata.Uid!]);
        _claims.AddIndex(ByNamespace, static c => [c.Metadata.Namespace!]);
        Machines.Changed += e => Touched?.Invoke(new MachineKey(e.Object.Metadata.Namespace!, e.Object.Metadata.Name!));
        Instances.Changed += e => Touched?.Invoke(new MachineKey(e.Object.Metadata.Namespace!, e.Object.Metadata.Name!));
        Pods.Changed += e => Touch(KeyOf(e.Object));
        Sizes.Changed += size =>
        {
            foreach (var machine in Machines.ByIndex(BySize, size))
            {
                Touched?.Invoke(new MachineKey(machine.Metadata.Namespace!, machine.Metadata.Name!));
            }
        };
        _claims.Changed += e =>
        {
            foreach (var instance in Instances.ByIndex(ByClaim, $"{e.Object.Metadata.Namespace}/{e.Object.Metadata.Name}"))
            {
                Touched?.Invoke(new MachineKey(instance.Metadata.Namespace!, instance.Metadata.Name!));
            }
        };
    }

    /// <summary>Something of this machine's has changed.</summary>
    public event Action<MachineKey>? Touched;

    public Informer<VirtualMachine> Machines { get; }

    public Informer<VirtualMachineInstance> Instances { get; }

    public Informer<Pod> Pods { get; }

    /// <summary>Instancetypes and preferences.</summary>
    public SizeCache Sizes { get; }

    public Task Synced => Task.WhenAll(Sizes.Synced, Machines.Synced, Instances.Synced, Pods.Synced, _claims.Synced);

    public Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(Sizes.RunAsync(stop), Machines.RunAsync(stop), Instances.RunAsync(stop), Pods.RunAsync(stop), _claims.RunAsync(stop));

    /// <summary>All pods of a machine, those of former instances too.</summary>
    public IReadOnlyList<Pod> PodsOf(MachineKey key) => Pods.ByIndex(ByMachine, key.ToString());

    public Pod? PodByUid(string uid) => Pods.ByIndex(ByUid, uid) is [var pod, ..] ? pod : null;

    /// <summary>The instance whose status records a pod's UID.</summary>
    public VirtualMachineInstance? InstanceByPod(string uid) => Instances.ByIndex(ByPod, uid) is [var instance, ..] ? instance : null;

    /// <summary>The claims of a namespace by name.</summary>
    public IReadOnlyDictionary<string, PersistentVolumeClaim> ClaimsOf(string ns) =>
        _claims.ByIndex(ByNamespace, ns).ToDictionary(static c => c.Metadata.Name!);

    /// <summary>By the annotation, which is whole; a pod that has lost it is found by nothing.</summary>
    public static MachineKey? KeyOf(Pod pod) =>
        pod.Metadata.Annotation(MachineLabels.Domain) is { Length: > 0 } name ? new MachineKey(pod.Metadata.Namespace!, name) : null;

    private void Touch(MachineKey? key)
    {
        if (key is { } known)
        {
            Touched?.Invoke(known);
        }
    }

    private static IEnumerable<string> Claims(VirtualMachineInstance instance) => (instance.Spec?.Volumes ?? [])
        .Select(static v => v.PersistentVolumeClaim?.ClaimName ?? v.DataVolume?.Name)
        .Append(instance.Metadata.Annotation(MachineLabels.ImageClaim))
        .Append(instance.Metadata.Annotation(MachineLabels.DiskClaim))
        .OfType<string>()
        .Select(name => $"{instance.Metadata.Namespace}/{name}");
}
