using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines.Adoption;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Machines;

/// <summary>A machine and its instance have one name in one namespace; a pod says whose it is by it.</summary>
internal readonly record struct MachineKey(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>The cluster's machines, instances, pods of VMs and claims, as this replica knows them: kept current by watches.</summary>
internal sealed class MachineCache
{
    private const string ByMachine = "machine", ByPod = "pod", ByClaim = "claim", BySize = "size";

    public MachineCache(KubernetesClient client, IReadOnlyList<string>? namespaces, TimeProvider time, ILogger<MachineCache> log)
    {
        Machines = new(client, Kinds.VirtualMachines, namespaces, new() { Transform = Slim.Machine }, time, log);
        Instances = new(client, Kinds.VirtualMachineInstances, namespaces, new() { Transform = Slim.Instance }, time, log);
        Pods = new(client, CoreKinds.Pods, namespaces, new() { LabelSelector = $"{MachineLabels.Role}={MachineLabels.Launcher}", Transform = Slim.Pod }, time, log);
        Linked = new(client, CoreKinds.Pods, namespaces, new() { LabelSelector = AdoptedPod.Selector, Transform = Slim.Pod }, time, log);
        Claims = new(client, CoreKinds.PersistentVolumeClaims, namespaces, new() { Transform = Slim.Claim }, time, log);
        Sizes = new SizeCache(client, namespaces, time, log);
        Machines.AddIndex(BySize, static m => SizeCache.NamesOf(m));
        Machines.AddIndex(ByClaim, static m => VolumeTemplates.Names(m).Select(name => $"{m.Metadata.Namespace}/{name}"));
        Instances.AddIndex(ByClaim, static i => ClaimNames(i).Select(name => $"{i.Metadata.Namespace}/{name}"));
        Instances.AddIndex(ByPod, static i => i.Status?.ActivePods?.Keys ?? []);
        Pods.AddIndex(ByMachine, static p => KeyOf(p) is { } key ? [key.ToString()] : []);
        Linked.AddIndex(ByMachine, static p => AdoptedPod.KeyOf(p) is { } key ? [key.ToString()] : []);
        Machines.Changed += e => Touched?.Invoke(new MachineKey(e.Object.Metadata.Namespace!, e.Object.Metadata.Name!));
        Instances.Changed += e => Touched?.Invoke(KeyOf(e.Object));
        Pods.Changed += e => PodChanged(e, KeyOf(e.Object));
        Linked.Changed += e => PodChanged(e, AdoptedPod.KeyOf(e.Object));
        Sizes.Changed += size =>
        {
            foreach (var machine in Machines.ByIndex(BySize, size))
            {
                Touched?.Invoke(new MachineKey(machine.Metadata.Namespace!, machine.Metadata.Name!));
            }
        };
        Claims.Changed += e =>
        {
            var claim = $"{e.Object.Metadata.Namespace}/{e.Object.Metadata.Name}";
            foreach (var instance in Instances.ByIndex(ByClaim, claim))
            {
                Touched?.Invoke(KeyOf(instance));
            }

            foreach (var machine in Machines.ByIndex(ByClaim, claim))
            {
                Touched?.Invoke(new MachineKey(machine.Metadata.Namespace!, machine.Metadata.Name!));
            }
        };
    }

    /// <summary>Something of this machine's has changed.</summary>
    public event Action<MachineKey>? Touched;

    /// <summary>The pod of this UID is not there any more.</summary>
    public event Action<string>? PodGone;

    public Informer<VirtualMachine> Machines { get; }

    public Informer<VirtualMachineInstance> Instances { get; }

    /// <summary>Those that were made for instances.</summary>
    public Informer<Pod> Pods { get; }

    /// <summary>Those of others whose agents link to us.</summary>
    public Informer<Pod> Linked { get; }

    public Informer<PersistentVolumeClaim> Claims { get; }

    /// <summary>Instancetypes and preferences.</summary>
    public SizeCache Sizes { get; }

    public Task Synced => Task.WhenAll(Sizes.Synced, Machines.Synced, Instances.Synced, Pods.Synced, Linked.Synced, Claims.Synced);

    public Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(
        Sizes.RunAsync(stop), Machines.RunAsync(stop), Instances.RunAsync(stop), Pods.RunAsync(stop), Linked.RunAsync(stop), Claims.RunAsync(stop));

    /// <summary>All pods of a machine, those of former instances too.</summary>
    public IReadOnlyList<Pod> PodsOf(MachineKey key) => Pods.ByIndex(ByMachine, key.ToString());

    /// <summary>Linked pods that ask for an instance of this name.</summary>
    public IReadOnlyList<Pod> LinkedPodsOf(MachineKey key) => Linked.ByIndex(ByMachine, key.ToString());

    /// <summary>The pod of an instance's: the very one that it was adopted from, or the one of the name that is made of its UID, whoever made that.</summary>
    public Pod? PodOf(VirtualMachineInstance instance) => AdoptedPod.OwnerOf(instance) is { } owner
        ? Linked.Get(instance.Metadata.Namespace!, owner.Name) is { } pod && pod.Metadata.Uid == owner.Uid ? pod : null
        : PodsOf(KeyOf(instance)) is { Count: > 0 } pods ? pods.FirstOrDefault(p => p.Metadata.Name == PodTemplate.Name(instance)) : null;

    /// <summary>The instance whose status records a pod's UID.</summary>
    public VirtualMachineInstance? InstanceByPod(string uid) => Instances.ByIndex(ByPod, uid) is [var instance, ..] ? instance : null;

    /// <summary>Whether <see cref="InstanceByPod"/> finds one.</summary>
    public bool IsRecorded(string podUid) => Instances.CountByIndex(ByPod, podUid) > 0;

    /// <summary>The claims that an instance names, by name; those that are there.</summary>
    public IReadOnlyDictionary<string, PersistentVolumeClaim> ClaimsOf(VirtualMachineInstance instance) => ClaimsOf(instance.Metadata.Namespace!, ClaimNames(instance));

    /// <summary>Likewise for what its machine's templates name.</summary>
    public IReadOnlyDictionary<string, PersistentVolumeClaim> ClaimsOf(VirtualMachine vm) =>
        ClaimsOf(vm.Metadata.Namespace!, ClaimNames(vm.Spec?.Template.Spec).Concat(VolumeTemplates.Names(vm)));

    public static MachineKey KeyOf(VirtualMachineInstance instance) => new(instance.Metadata.Namespace!, instance.Metadata.Name!);

    /// <summary>By the annotation, which is whole; a pod that has lost it is found by nothing.</summary>
    public static MachineKey? KeyOf(Pod pod) =>
        pod.Metadata.Annotation(MachineLabels.Domain) is { Length: > 0 } name ? new MachineKey(pod.Metadata.Namespace!, name) : null;

    private void PodChanged(InformerEvent<Pod> e, MachineKey? key)
    {
        // A list may show another pod of the same name where the former's deletion was not seen.
        if (e.Kind == InformerEventKind.Deleted)
        {
            PodGone?.Invoke(e.Object.Metadata.Uid!);
        }
        else if (e.Old is { } old && old.Metadata.Uid != e.Object.Metadata.Uid)
        {
            PodGone?.Invoke(old.Metadata.Uid!);
        }

        if (key is { } named)
        {
            Touched?.Invoke(named);
        }

        // An adopted pod may ask for another name by now.
        if (InstanceByPod(e.Object.Metadata.Uid!) is { } instance && KeyOf(instance) != key)
        {
            Touched?.Invoke(KeyOf(instance));
        }
    }

    private Dictionary<string, PersistentVolumeClaim> ClaimsOf(string ns, IEnumerable<string> names) =>
        names.Distinct().Select(name => Claims.Get(ns, name)).OfType<PersistentVolumeClaim>().ToDictionary(static c => c.Metadata.Name!);

    private static IEnumerable<string> ClaimNames(VirtualMachineInstance instance) => ClaimNames(instance.Spec)
        .Concat(new[] { instance.Metadata.Annotation(MachineLabels.ImageClaim), instance.Metadata.Annotation(MachineLabels.DiskClaim) }.OfType<string>());

    private static IEnumerable<string> ClaimNames(VmiSpec? spec) =>
        (spec?.Volumes ?? []).Select(static v => v.Claim).OfType<string>();
}
