using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>The DataVolumes of a machine's templates: made with it, whether it runs or not, and the machine's, so that they go with it.</summary>
internal static class VolumeTemplates
{
    public static IEnumerable<string> Names(VirtualMachine vm) => (vm.Spec?.DataVolumeTemplates ?? []).Select(static t => t.Metadata.Name).OfType<string>();

    /// <summary>
    /// Those whose claim is not there. Who has the claim needs no volume: it is filled already, or is being filled, or came back with a backup.
    /// </summary>
    public static IReadOnlyList<DataVolume> Missing(VmView view) =>
        [.. (view.Vm.Spec?.DataVolumeTemplates ?? []).Where(t => t.Metadata.Name is { } name && !view.Claims.ContainsKey(name)).Select(t => Create(view.Vm, t))];

    private static DataVolume Create(VirtualMachine vm, DataVolumeTemplate template) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = template.Metadata.Name,
            Namespace = vm.Metadata.Namespace,
            Labels = new SortedDictionary<string, string>(Texts.Of(template.Metadata.Labels), StringComparer.Ordinal) { [MachineLabels.CreatedBy] = vm.Metadata.Uid! },
            Annotations = Texts.Of(template.Metadata.Annotations),
            OwnerReferences = [Kinds.VirtualMachines.OwnerOf(vm)],
        },
        Spec = template.Spec,
    };
}

/// <summary>Of metadata in templates, which holds whatever its author wrote.</summary>
internal static class Texts
{
    public static Dictionary<string, string> Of(JsonNode? given) => (given as JsonObject ?? [])
        .Where(static e => e.Value?.GetValueKind() == JsonValueKind.String)
        .ToDictionary(static e => e.Key, static e => e.Value!.GetValue<string>());
}
