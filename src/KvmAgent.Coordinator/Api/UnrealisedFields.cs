using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KvmAgent.Coordinator.Api;

/// <summary>
/// The fields of a spec that nothing is done with: all that the types have no name for. They are kept as they are, and told on the
/// object, with the reason where there is a particular one.
/// </summary>
internal static class UnrealisedFields
{
    private const string Ordinary = "not supported";

    /// <summary>Reasons by the end of a field's path.</summary>
    private static readonly (string Field, string Reason)[] Reasons =
    [
        ("networks[].multus", "the guest has the pod's network and no other"),
        ("interfaces[].bridge", "the guest is behind the pod's address by masquerade"),
        ("interfaces[].sriov", "the guest is behind the pod's address by masquerade"),
        ("disks[].lun", "disks are not passed through; use disk"),
        ("domain.features", "QEMU's defaults hold"),
        ("domain.clock", "the guest's clock is in UTC and follows the node's"),
        ("domain.cpu.dedicatedCpuPlacement", "the CPUs are the pod's share"),
        ("instancetype.spec.cpu.dedicatedCPUPlacement", "the CPUs are the pod's share"),
        ("instancetype.spec.launchSecurity", "the guest's memory is not encrypted"),
        ("preference.spec.clock", "the guest's clock is in UTC and follows the node's"),
        ("preference.spec.features", "QEMU's defaults hold"),
        ("preference.spec.requirements", "the instancetype is taken as it is"),
        ("domain.launchSecurity", "the guest's memory is not encrypted"),
        ("evictionStrategy", "there is no live migration; an evicted guest is shut down"),
        ("propagationMethod.qemuGuestAgent", "keys are handed over by the cloud-init drive alone"),
        ("readinessProbe.exec", "nothing is run inside the guest; use tcpSocket, httpGet or guestAgentPing"),
        ("livenessProbe.exec", "nothing is run inside the guest; use tcpSocket, httpGet or guestAgentPing"),
        ("volumes[].ephemeral", "use a persistentVolumeClaim, or an image by annotation"),
        ("volumes[].sysprep", "use a cloudInitConfigDrive and cloudbase-init"),
    ];

    /// <returns>Each as <c>spec.domain.x: reason</c>, in the spec's order.</returns>
    public static IReadOnlyList<string> Of(VmiSpec spec) => Of(spec, ApiJson.Default.VmiSpec, "spec");

    /// <returns>Likewise, as <c>instancetype.spec.x: reason</c>.</returns>
    public static IReadOnlyList<string> Of(InstancetypeSpec? spec) => Of(spec, ApiJson.Default.InstancetypeSpec, "instancetype.spec");

    /// <returns>Likewise, as <c>preference.spec.x: reason</c>.</returns>
    public static IReadOnlyList<string> Of(PreferenceSpec? spec) => Of(spec, ApiJson.Default.PreferenceSpec, "preference.spec");

    private static List<string> Of(object? spec, JsonTypeInfo type, string path)
    {
        var found = new List<string>();
        Walk(spec, type, path, found);
        return found;
    }

    private static void Walk(object? value, JsonTypeInfo type, string path, List<string> found)
    {
        if (value is null)
        {
            return;
        }

        if (type.Kind == JsonTypeInfoKind.Enumerable && value is IEnumerable items && ElementOf(type) is { Kind: JsonTypeInfoKind.Object } element)
        {
            foreach (var item in items)
            {
                Walk(item, element, path + "[]", found);
            }
        }
        else if (type.Kind == JsonTypeInfoKind.Object)
        {
            foreach (var property in type.Properties)
            {
                var child = property.Get?.Invoke(value);
                if (property.IsExtensionData)
                {
                    foreach (var name in ((IDictionary<string, JsonElement>?)child)?.Keys ?? [])
                    {
                        Add($"{path}.{name}", found);
                    }
                }
                else if (property.Get is not null)
                {
                    Walk(child, ApiJson.Default.Options.GetTypeInfo(property.PropertyType), $"{path}.{property.Name}", found);
                }
            }
        }
    }

    private static JsonTypeInfo? ElementOf(JsonTypeInfo type) =>
        type.ElementType is { } element ? ApiJson.Default.Options.GetTypeInfo(element) : null;

    private static void Add(string path, List<string> found)
    {
        var reason = Reasons.FirstOrDefault(r => path.EndsWith(r.Field, StringComparison.Ordinal)).Reason ?? Ordinary;
        var line = $"{path}: {reason}";
        if (!found.Contains(line))
        {
            found.Add(line);
        }
    }
}
