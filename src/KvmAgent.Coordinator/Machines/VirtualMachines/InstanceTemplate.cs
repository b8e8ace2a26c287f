using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>The instance that a machine starts, from its template.</summary>
internal static class InstanceTemplate
{
    /// <param name="spec">The template's, expanded.</param>
    public static VirtualMachineInstance Create(VirtualMachine vm, VmiSpec spec, bool paused)
    {
        var template = vm.Spec!.Template;
        var annotations = new SortedDictionary<string, string>(Texts.Of(template.Metadata?["annotations"]), StringComparer.Ordinal)
        {
            [MachineLabels.TemplateHash] = Hash(vm),
        };
        return new VirtualMachineInstance
        {
            Metadata = new ObjectMeta
            {
                Name = vm.Metadata.Name,
                Namespace = vm.Metadata.Namespace,
                Labels = Texts.Of(template.Metadata?["labels"]),
                Annotations = annotations,
                OwnerReferences = [Kinds.VirtualMachines.OwnerOf(vm)],
            },
            Spec = paused ? spec with { StartStrategy = "Paused" } : spec,
        };
    }

    /// <summary>
    /// Of all that a running instance cannot take over: where it differs, the machine must be restarted. Another instancetype is such a
    /// thing; that one is itself changed is not, for it is no wish of the machine's owner.
    /// </summary>
    public static string Hash(VirtualMachine vm)
    {
        var text = JsonSerializer.Serialize(vm.Spec!.Template.Spec, ApiJson.Default.VmiSpec)
            + string.Concat(new[] { vm.Spec.Instancetype, vm.Spec.Preference }.Select(static m => m is null ? "" : $"\n{m.Kind}/{m.Name}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
    }
}
