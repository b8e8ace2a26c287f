using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.VirtualMachines;

/// <summary>The instance that a machine starts, from its template.</summary>
internal static class InstanceTemplate
{
    public static VirtualMachineInstance Create(VirtualMachine vm, bool paused)
    {
        var template = vm.Spec!.Template;
        var annotations = new SortedDictionary<string, string>(Texts(template, "annotations"), StringComparer.Ordinal)
        {
            [MachineLabels.TemplateHash] = Hash(vm),
        };
        return new VirtualMachineInstance
        {
            Metadata = new ObjectMeta
            {
                Name = vm.Metadata.Name,
                Namespace = vm.Metadata.Namespace,
                Labels = Texts(template, "labels"),
                Annotations = annotations,
                OwnerReferences =
                [
                    new OwnerReference
                    {
                        ApiVersion = Kinds.VirtualMachines.ApiVersion,
                        Kind = Kinds.VirtualMachines.Kind,
                        Name = vm.Metadata.Name!,
                        Uid = vm.Metadata.Uid!,
                        Controller = true,
                        BlockOwnerDeletion = true,
                    },
                ],
            },
            Spec = paused ? template.Spec with { StartStrategy = "Paused" } : template.Spec,
        };
    }

    /// <summary>Of all that a running instance cannot take over: where it differs, the machine must be restarted.</summary>
    public static string Hash(VirtualMachine vm) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(vm.Spec!.Template.Spec, ApiJson.Default.VmiSpec)))[..16];

    private static Dictionary<string, string> Texts(VmiTemplate template, string field) =>
        (template.Metadata?[field] as JsonObject ?? []).Where(static e => e.Value?.GetValueKind() == JsonValueKind.String)
            .ToDictionary(static e => e.Key, static e => e.Value!.GetValue<string>());
}
