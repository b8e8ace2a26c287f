using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>The pod of an instance, and the ConfigMap with its spec file; or why it cannot have one.</summary>
internal sealed record PodPlan(ConfigMap? Config, Pod? Pod, IReadOnlyList<PodProblem> Problems);

/// <summary>
/// Makes the pod of an instance: a pure function of the instance, the claims of its namespace and the administrator's options.
///
/// The pod has KubeVirt's labels and its container's name, by which clients find it; the agent's image is its entrypoint. It is never
/// restarted in place: an instance has one pod, and a machine that shall go on gets another instance.
/// </summary>
internal static class PodTemplate
{
    public const string ContainerName = "compute";

    private const string RunDir = "/run/kvm-agent", ImageDir = "/image";
    private const long DefaultGracePeriod = 30, LongestGracePeriod = 99_999, UndoPeriod = 10;

    /// <summary>The same for the same instance, so that nobody makes two.</summary>
    public static string Name(VirtualMachineInstance vmi)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(vmi.Metadata.Uid!)))[..8];
        var name = vmi.Metadata.Name!;
        return $"virt-launcher-{(name.Length <= 200 ? name : name[..200].TrimEnd('-', '.'))}-{hash}";
    }

    /// <summary>Within what the agent takes: it always asks the guest, and gives it a second at least.</summary>
    public static long GracePeriod(VmiSpec spec) => Math.Clamp(spec.TerminationGracePeriodSeconds ?? DefaultGracePeriod, 1, LongestGracePeriod);

    /// <param name="claims">Those of its namespace, by name.</param>
    public static PodPlan Create(VirtualMachineInstance vmi, IReadOnlyDictionary<string, PersistentVolumeClaim> claims, MachineOptions options)
    {
        var spec = vmi.Spec ?? throw new ArgumentException("an instance without a spec", nameof(vmi));
        var parts = new PodParts();
        new DiskSources(parts, claims, options).Add(spec);
        SshKeys.Add(parts, spec);
        var memory = GuestMemory.Of(spec.Domain, parts.Problems) ?? 0;
        var file = SpecFile.Create(vmi, memory, parts);
        AddOwnVolumes(vmi, parts, claims, options);
        // Where a disk has a problem of its own, such as a claim that may still come, that is all there is to say.
        if (parts.Disks.Count == 0 && !file.ContainsKey("image") && parts.Problems.Count == 0)
        {
            parts.Problems.Add(PodProblem.Spec(
                $"spec.domain.devices.disks has no disk to boot from; add one, or the annotation {MachineLabels.ImageSource}"));
        }

        if (parts.Problems.Count > 0)
        {
            return new PodPlan(null, null, parts.Problems);
        }

        parts.Files[SpecFile.Name] = Encoding.UTF8.GetBytes(file.ToJsonString());
        var meta = new ObjectMeta { Name = Name(vmi), Namespace = vmi.Metadata.Namespace, Labels = Labels(vmi), OwnerReferences = [Kinds.VirtualMachineInstances.OwnerOf(vmi)] };
        return new PodPlan(
            Config(meta, parts),
            new Pod { Metadata = meta with { Annotations = Annotations(vmi) }, Spec = Spec(vmi, memory, parts, options) },
            []);
    }

    private static PodSpec Spec(VirtualMachineInstance vmi, long memory, PodParts parts, MachineOptions options)
    {
        var spec = vmi.Spec!;
        return new PodSpec
        {
            RestartPolicy = "Never",
            EnableServiceLinks = false,
            AutomountServiceAccountToken = false,
            Hostname = SpecFile.HostName(vmi),
            Subdomain = spec.Subdomain,
            TerminationGracePeriodSeconds = GracePeriod(spec) + UndoPeriod,
            SecurityContext = PodSecurity.Pod(options),
            ImagePullSecrets = options.ImagePullSecrets.Count == 0 ? null : [.. options.ImagePullSecrets.Select(s => new LocalObjectReference(s))],
            NodeSelector = Merge(spec.NodeSelector, options.NodeSelector),
            Affinity = Copy(spec.Affinity),
            Tolerations = Tolerations(spec, options),
            TopologySpreadConstraints = Copy(spec.TopologySpreadConstraints),
            PriorityClassName = spec.PriorityClassName,
            SchedulerName = spec.SchedulerName,
            DnsPolicy = spec.DnsPolicy,
            DnsConfig = Copy(spec.DnsConfig),
            InitContainers = parts.InitContainers.Count == 0 ? null : parts.InitContainers,
            Containers = [Compute(spec, memory, SpecFile.HasSpice(vmi), parts, options)],
            Volumes = parts.Volumes,
        };
    }

    private static Container Compute(VmiSpec spec, long memory, bool spice, PodParts parts, MachineOptions options) => new()
    {
        Name = ContainerName,
        Image = options.AgentImage,
        ImagePullPolicy = options.ImagePullPolicy,
        Args = ["run"],
        Env = Environment(options),
        Ports = Ports(spec),
        Resources = GuestMemory.Resources(spec.Domain, memory, spice, options),
        SecurityContext = PodSecurity.Machine(options),
        VolumeMounts = parts.Mounts,
        VolumeDevices = parts.Devices.Count == 0 ? null : parts.Devices,
        ReadinessProbe = Probes.Readiness(spec.ReadinessProbe, RunDir),
        LivenessProbe = Probes.Liveness(spec.LivenessProbe, RunDir),
    };

    private static List<EnvVar> Environment(MachineOptions options)
    {
        List<EnvVar> environment =
        [
            new("VM_SPEC_FILE", $"{PodParts.ConfigDir}/{SpecFile.Name}"),
            new("IMAGE_DIR", ImageDir),
            new("VM_DIR", PodParts.VmDir),
            new("RUN_DIR", RunDir),
            Field("POD_NAME", "metadata.name"),
            Field("POD_NAMESPACE", "metadata.namespace"),
            Field("POD_UID", "metadata.uid"),
        ];
        // Never auto: the pod's memory is counted for the one or the other.
        environment.Add(new EnvVar("VM_ACCEL", options.KvmResource is null ? "tcg" : "kvm"));
        if (options.Link is { } link)
        {
            environment.AddRange(LinkVolume.Environment(link, PodParts.ConfigDir));
        }

        return environment;

        static EnvVar Field(string name, string path) =>
            new(name, null) { ValueFrom = new JsonObject { ["fieldRef"] = new JsonObject { ["fieldPath"] = path } } };
    }

    /// <summary>Every port is the guest's; those with names are for Services.</summary>
    private static List<ContainerPort>? Ports(VmiSpec spec)
    {
        var ports = (spec.Domain.Devices?.Interfaces ?? []).SelectMany(static i => i.Ports ?? [])
            .Select(static p => new ContainerPort(p.Port) { Name = p.Name, Protocol = p.Protocol ?? "TCP" })
            .ToList();
        return ports.Count == 0 ? null : ports;
    }

    private static void AddOwnVolumes(
        VirtualMachineInstance vmi, PodParts parts, IReadOnlyDictionary<string, PersistentVolumeClaim> claims, MachineOptions options)
    {
        parts.AddVolume(PodParts.ConfigVolume, "configMap", new JsonObject { ["name"] = Name(vmi) });
        parts.Mounts.Add(new VolumeMount(PodParts.ConfigVolume, PodParts.ConfigDir) { ReadOnly = true });
        AddClaimOr(MachineLabels.DiskClaim, PodParts.VmVolume, PodParts.VmDir);
        if (vmi.Metadata.Annotation(MachineLabels.ImageSource) is not null || vmi.Metadata.Annotation(MachineLabels.ImageTarget) is not null)
        {
            AddClaimOr(MachineLabels.ImageClaim, "image", ImageDir);
        }

        parts.AddVolume("run", "emptyDir", []);
        parts.Mounts.Add(new VolumeMount("run", RunDir));
        if (options.Link is { } link)
        {
            parts.Files[LinkVolume.CaFile] = Encoding.UTF8.GetBytes(link.CaCertificate);
            parts.Volumes.Add(LinkVolume.Of(link, withAuthority: false));
            parts.Mounts.Add(LinkVolume.Mount);
        }

        void AddClaimOr(string annotation, string volume, string directory)
        {
            var claim = vmi.Metadata.Annotation(annotation) is { Length: > 0 } name ? name : null;
            var found = claim is null ? null : claims.GetValueOrDefault(claim);
            if (claim is not null && found is null)
            {
                parts.Problems.Add(new PodProblem(
                    PodProblem.ClaimNotFound, $"PersistentVolumeClaim {claim} of the annotation {annotation} is not there; create it", Permanent: false));
            }
            else if (found?.Spec?.VolumeMode == PersistentVolumeClaim.Block)
            {
                parts.Problems.Add(PodProblem.Spec(
                    $"PersistentVolumeClaim {claim} of the annotation {annotation} has the volumeMode Block, but files are to lie in it; name one of the mode Filesystem"));
            }

            parts.AddVolume(volume, claim is null ? "emptyDir" : "persistentVolumeClaim", claim is null ? [] : new JsonObject { ["claimName"] = claim });
            parts.Mounts.Add(new VolumeMount(volume, directory));
        }
    }

    private static ConfigMap Config(ObjectMeta meta, PodParts parts)
    {
        // Texts as texts, for people; the rest as bytes.
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var bytes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (name, content) in parts.Files)
        {
            try
            {
                texts[name] = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content);
            }
            catch (DecoderFallbackException)
            {
                bytes[name] = content;
            }
        }

        return new ConfigMap { Metadata = meta, Data = texts, BinaryData = bytes.Count == 0 ? null : bytes };
    }

    private static SortedDictionary<string, string> Labels(VirtualMachineInstance vmi) => new(
        (vmi.Metadata.Labels ?? new Dictionary<string, string>()).Where(static l => !MachineLabels.IsOursAsLabel(l.Key)).Concat(
        [
            new(MachineLabels.Role, MachineLabels.Launcher),
            new(MachineLabels.CreatedBy, vmi.Metadata.Uid!),
            new(MachineLabels.InstanceName, MachineLabels.Value(vmi.Metadata.Name!)),
        ]).ToDictionary(),
        StringComparer.Ordinal);

    private static SortedDictionary<string, string> Annotations(VirtualMachineInstance vmi) => new(
        (vmi.Metadata.Annotations ?? new Dictionary<string, string>())
            .Where(static a => !MachineLabels.StaysOffPods(a.Key))
            .Concat([new(MachineLabels.Domain, vmi.Metadata.Name!), new("kubectl.kubernetes.io/default-container", ContainerName)])
            .ToDictionary(),
        StringComparer.Ordinal);

    private static Dictionary<string, string>? Merge(IReadOnlyDictionary<string, string>? asked, IReadOnlyDictionary<string, string> always)
    {
        var merged = new Dictionary<string, string>(asked ?? new Dictionary<string, string>());
        foreach (var (key, value) in always)
        {
            merged[key] = value;
        }

        return merged.Count == 0 ? null : merged;
    }

    private static JsonArray? Tolerations(VmiSpec spec, MachineOptions options)
    {
        JsonArray all = [.. (spec.Tolerations ?? []).Concat(options.Tolerations).Select(static t => t?.DeepClone())];
        return all.Count == 0 ? null : all;
    }

    /// <summary>A JSON node has one place only.</summary>
    private static T? Copy<T>(T? node)
        where T : JsonNode => (T?)node?.DeepClone();
}
