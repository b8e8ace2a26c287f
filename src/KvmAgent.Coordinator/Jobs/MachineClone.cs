using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Rest.Templates;
using KvmAgent.Kubernetes.Core;

namespace KvmAgent.Coordinator.Jobs;

/// <summary>
/// A machine that is another one's copy: a pure function of that one's manifest, whatever KubeVirt's fields it has. Each disk on a claim
/// becomes a DataVolume of the copy's own with the claim as its source. What must be one machine's alone is left out: MAC addresses, the
/// firmware's and the chassis' numbers, the host name; and where labels have the machine's name they get the new one's, so that a Service that
/// finds the one does not find the other.
/// </summary>
internal static class MachineClone
{
    private const int LongestName = 63;

    private const string Spec = "spec", Metadata = "metadata", Labels = "labels", DataVolume = "dataVolume", Claim = "persistentVolumeClaim", Name = "name";

    /// <summary>Of what keeps books on an object, and of kubectl's.</summary>
    private static readonly string[] Books = ["kubectl.kubernetes.io/last-applied-configuration", "kubevirt.io/latest-observed-api-version", "kubevirt.io/storage-observed-api-version"];

    /// <summary>The claims of its disks.</summary>
    public static IReadOnlyList<string> ClaimsOf(JsonObject machine) => [.. Volumes(machine).Select(ClaimOf).OfType<string>().Distinct()];

    /// <summary>The disks that a copy would have.</summary>
    public static IReadOnlyList<string> DisksOf(JsonObject machine, string name) =>
        [.. Volumes(machine).Where(static v => ClaimOf(v) is not null).Select(v => DiskName(name, VmManifest.Text(v[Name]) ?? ""))];

    /// <param name="source">The machine as the cluster has it.</param>
    /// <param name="name">The copy's.</param>
    /// <param name="start">Whether it starts when its disks are there.</param>
    /// <param name="claims">Of its disks, those that are known, by name: a copy asks for storage as they did.</param>
    /// <param name="storageClass">Of disks whose class is not known; null: the cluster's choice.</param>
    public static JsonObject Of(JsonObject source, string name, bool start, IReadOnlyDictionary<string, PersistentVolumeClaim> claims, string? storageClass)
    {
        var (ns, former) = (VmManifest.Text(source[Metadata]?["namespace"])!, VmManifest.Text(source[Metadata]?[Name])!);
        var spec = (JsonObject)source[Spec]!.DeepClone();
        var strategy = VmManifest.Text(spec["runStrategy"]) is { } given and not RunStrategies.Halted ? given : RunStrategies.Always;
        spec.Remove("running");
        spec["runStrategy"] = start ? strategy : RunStrategies.Halted;
        var templates = new JsonArray();
        foreach (var volume in Volumes(spec["template"]?[Spec]))
        {
            if (ClaimOf(volume) is not { } claim)
            {
                continue;
            }

            var disk = DiskName(name, VmManifest.Text(volume[Name]) ?? "");
            templates.Add((JsonNode)Template(disk, ns, claim, claims.GetValueOrDefault(claim), storageClass));
            var isPluggable = (volume[DataVolume] ?? volume[Claim])?["hotpluggable"]?.DeepClone();
            volume.Remove(Claim);
            volume[DataVolume] = isPluggable is null ? new JsonObject { [Name] = disk } : new JsonObject { [Name] = disk, ["hotpluggable"] = isPluggable };
        }

        spec.Remove("dataVolumeTemplates");
        if (templates.Count > 0)
        {
            spec["dataVolumeTemplates"] = templates;
        }

        foreach (var matcher in new[] { "instancetype", "preference" })
        {
            // A ControllerRevision that goes with the machine: the copy gets one of its own.
            (spec[matcher] as JsonObject)?.Remove("revisionName");
        }

        MakeAnother(spec["template"], former, name);
        var metadata = new JsonObject { [Name] = name, ["namespace"] = ns };
        if (source[Metadata]?["annotations"] is JsonObject annotations)
        {
            metadata["annotations"] = new JsonObject(annotations.Where(static a => !Books.Contains(a.Key)).Select(static a => KeyValuePair.Create(a.Key, a.Value?.DeepClone())));
        }

        metadata[Labels] = source[Metadata]?[Labels]?.DeepClone() ?? new JsonObject();
        Rename(metadata[Labels], former, name);
        return new JsonObject { ["apiVersion"] = Kinds.VirtualMachines.ApiVersion, ["kind"] = Kinds.VirtualMachines.Kind, [Metadata] = metadata, [Spec] = spec };
    }

    private static JsonObject Template(string disk, string ns, string claim, PersistentVolumeClaim? original, string? storageClass)
    {
        var storage = new JsonObject();
        if (original?.Spec?.AccessModes is { Count: > 0 } modes)
        {
            storage["accessModes"] = new JsonArray([.. modes.Select(static m => (JsonNode)m)]);
        }

        if (original?.Spec?.VolumeMode is { } mode)
        {
            storage["volumeMode"] = mode;
        }

        if ((original?.Spec?.StorageClassName is { Length: > 0 } known ? known : storageClass) is { } named)
        {
            storage["storageClassName"] = named;
        }

        return new JsonObject
        {
            [Metadata] = new JsonObject { [Name] = disk },
            [Spec] = new JsonObject { ["source"] = new JsonObject { ["pvc"] = new JsonObject { ["namespace"] = ns, [Name] = claim } }, ["storage"] = storage },
        };
    }

    /// <summary>What is one machine's alone.</summary>
    private static void MakeAnother(JsonNode? template, string former, string name)
    {
        Rename(template?[Metadata]?[Labels], former, name);
        (template?[Metadata] as JsonObject)?.Remove(Name);
        (template?[Spec] as JsonObject)?.Remove("hostname");
        var domain = template?[Spec]?["domain"];
        foreach (var unique in new[] { "uuid", "serial" })
        {
            (domain?["firmware"] as JsonObject)?.Remove(unique);
        }

        (domain?["chassis"] as JsonObject)?.Remove("serial");
        foreach (var device in (domain?["devices"]?["interfaces"] as JsonArray ?? []).OfType<JsonObject>())
        {
            device.Remove("macAddress");
        }
    }

    private static void Rename(JsonNode? labels, string former, string name)
    {
        foreach (var key in (labels as JsonObject ?? []).Where(l => VmManifest.Text(l.Value) == former).Select(static l => l.Key).ToList())
        {
            labels![key] = name;
        }
    }

    private static IEnumerable<JsonObject> Volumes(JsonObject machine) => Volumes(machine[Spec]?["template"]?[Spec]);

    private static IEnumerable<JsonObject> Volumes(JsonNode? spec) => (spec?["volumes"] as JsonArray ?? []).OfType<JsonObject>();

    private static string? ClaimOf(JsonObject volume) => VmManifest.Text(volume[Claim]?["claimName"]) ?? VmManifest.Text(volume[DataVolume]?[Name]);

    /// <summary>Of the machine's and the volume's; pods and labels are named after it.</summary>
    private static string DiskName(string machine, string volume)
    {
        var name = $"{machine}-{volume}";
        return name.Length <= LongestName ? name : $"{name[..(LongestName - 9)].TrimEnd('-', '.')}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..8]}";
    }
}
