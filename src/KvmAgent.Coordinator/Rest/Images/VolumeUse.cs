using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest.Images;

/// <summary>What volumes and images there are, and which machines name them, be it in their spec or in their instance's.</summary>
internal sealed record VolumeUse(
    IReadOnlyList<PersistentVolumeClaim> Claims, IReadOnlyList<DataVolume> DataVolumes, IReadOnlyList<VirtualMachine> Machines, IReadOnlyList<VirtualMachineInstance> Instances)
{
    /// <param name="ns">Null: of all namespaces.</param>
    public static async Task<VolumeUse> ReadAsync(KubernetesClient client, string? ns, CancellationToken cancel)
    {
        var claims = ListAsync(CoreKinds.PersistentVolumeClaims);
        var volumes = ListAsync(Kinds.DataVolumes);
        var machines = ListAsync(Kinds.VirtualMachines);
        var instances = ListAsync(Kinds.VirtualMachineInstances);
        await Task.WhenAll(claims, volumes, machines, instances).ConfigureAwait(false);
        return new VolumeUse(claims.Result, volumes.Result, machines.Result, instances.Result);

        async Task<IReadOnlyList<T>> ListAsync<T>(ResourceKind<T> kind)
            where T : class, IKubernetesObject
        {
            try
            {
                return (await client.ListAllAsync(kind, ns, null, cancel).ConfigureAwait(false)).Items;
            }
            catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
            {
                // A cluster without CDI, or none.
                return [];
            }
        }
    }

    /// <returns>By namespace and name.</returns>
    public IReadOnlyList<VolumeSummary> Volumes(string provider)
    {
        var users = Specs().SelectMany(static s => ClaimsOf(s).Select(claim => (Claim: Key(s.Namespace, claim), Machine: s.Id))).ToLookup(static u => u.Claim, static u => u.Machine);
        var claims = Claims.ToDictionary(static c => Key(c.Metadata.Namespace!, c.Metadata.Name!));
        var volumes = DataVolumes.ToDictionary(static v => Key(v.Metadata.Namespace!, v.Metadata.Name!));
        return
        [
            .. claims.Keys.Union(volumes.Keys)
                .Select(key => VolumeSummaries.Of(provider, claims.GetValueOrDefault(key), volumes.GetValueOrDefault(key))! with { Machines = Ordered(users[key]) })
                .OrderBy(static v => v.Namespace, StringComparer.Ordinal).ThenBy(static v => v.Name, StringComparer.Ordinal),
        ];
    }

    /// <returns>By their URL.</returns>
    public IReadOnlyList<ImageSummary> Images(string provider)
    {
        var filled = DataVolumes.Where(static v => VolumeSummaries.ImageOf(v.Spec) is not null)
            .ToDictionary(static v => Key(v.Metadata.Namespace!, v.Metadata.Name!), static v => VolumeSummaries.ImageOf(v.Spec)!);
        var ofSpecs = Specs().SelectMany(s => Direct(s).Concat(ClaimsOf(s).Select(claim => filled.GetValueOrDefault(Key(s.Namespace, claim))).OfType<string>()).Select(image => (image, s.Id)));
        var machines = ofSpecs.Concat(Machines.SelectMany(Templates)).ToLookup(static u => u.Item1, static u => u.Item2);
        var volumes = filled.ToLookup(static f => f.Value, static f => f.Key);
        return
        [
            .. machines.Select(static m => m.Key).Union(volumes.Select(static v => v.Key)).Order(StringComparer.Ordinal)
                .Select(image => new ImageSummary { Provider = provider, Image = image, Machines = Ordered(machines[image]), Volumes = Ordered(volumes[image]) }),
        ];
    }

    /// <summary>Of volumes that are made with the machine, whether they are there yet or not.</summary>
    private static IEnumerable<(string Image, string Machine)> Templates(VirtualMachine machine) => (machine.Spec?.DataVolumeTemplates ?? [])
        .Select(static t => VolumeSummaries.ImageOf(t.Spec)).OfType<string>().Select(image => (image, Key(machine.Metadata.Namespace!, machine.Metadata.Name!)));

    /// <summary>Machines' templates, and what their instances were made of.</summary>
    private IEnumerable<MachineSpec> Specs() =>
        Machines.Select(static m => new MachineSpec(m.Metadata.Namespace!, m.Metadata.Name!, m.Spec?.Template.Spec, Texts.Of(m.Spec?.Template.Metadata?["annotations"])))
            .Concat(Instances.Select(static i => new MachineSpec(i.Metadata.Namespace!, i.Metadata.Name!, i.Spec, i.Metadata.Annotations)));

    /// <summary>Without a volume between.</summary>
    private static IEnumerable<string> Direct(MachineSpec machine) =>
        (machine.Spec?.Volumes ?? []).Select(static v => v.ContainerDisk?.Image).Append(Annotation(machine, MachineLabels.ImageSource))
            .OfType<string>().Select(VolumeSummaries.ImageOf);

    private static IEnumerable<string> ClaimsOf(MachineSpec machine) =>
        (machine.Spec?.Volumes ?? []).Select(static v => v.Claim).Append(Annotation(machine, MachineLabels.ImageClaim)).Append(Annotation(machine, MachineLabels.DiskClaim)).OfType<string>();

    private static string? Annotation(MachineSpec machine, string name) => machine.Annotations?.TryGetValue(name, out var value) == true ? value : null;

    private static IReadOnlyList<string> Ordered(IEnumerable<string> ids) => [.. ids.Distinct().Order(StringComparer.Ordinal)];

    private static string Key(string ns, string name) => $"{ns}/{name}";

    private sealed record MachineSpec(string Namespace, string Name, VmiSpec? Spec, IReadOnlyDictionary<string, string>? Annotations)
    {
        public string Id => Key(Namespace, Name);
    }
}
