using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Machines;

/// <summary>Objects as scenarios give them: what every one would say alike may be left out.</summary>
internal static class Given
{
    public const string InstanceUid = "11111111-2222-3333-4444-555555555555", MachineUid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", PodUid = "99999999-8888-7777-6666-555555555555",
        VolumeUid = "dddddddd-1111-2222-3333-dddddddddddd", ClaimUid = "cccccccc-1111-2222-3333-cccccccccccc", SourceUid = "eeeeeeee-1111-2222-3333-eeeeeeeeeeee", CronUid = "ffffffff-1111-2222-3333-ffffffffffff";

    public static readonly DateTimeOffset Epoch = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static DateTimeOffset Now(JsonObject given) => given["now"] is { } now ? DateTimeOffset.Parse((string)now!, System.Globalization.CultureInfo.InvariantCulture) : Epoch;

    public static VirtualMachineInstance Instance(JsonNode given) =>
        Read(given, ApiJson.Default.VirtualMachineInstance, new JsonObject { ["name"] = "web", ["namespace"] = "shop", ["uid"] = InstanceUid });

    public static VirtualMachine Machine(JsonNode given) =>
        Read(given, ApiJson.Default.VirtualMachine, new JsonObject { ["name"] = "web", ["namespace"] = "shop", ["uid"] = MachineUid });

    /// <param name="name">Where the pod has none.</param>
    public static Pod Pod(JsonNode given, string name) => Read(given, CoreKinds.Pods.Json, new JsonObject { ["name"] = name, ["namespace"] = "shop", ["uid"] = PodUid });

    public static List<Pod> Pods(JsonNode? given) => [.. (given as JsonArray ?? []).Select(static p => Pod(p!, "virt-launcher-web-former"))];

    /// <summary>By name: volumeMode, accessModes, phase, annotations, dataVolume, the one that it belongs to, and cloneOf, what its storage fills it from.</summary>
    public static Dictionary<string, PersistentVolumeClaim> Claims(JsonNode? given) => (given as JsonObject ?? []).ToDictionary(
        static c => c.Key,
        static c => new PersistentVolumeClaim
        {
            Metadata = new()
            {
                Name = c.Key,
                Namespace = "shop",
                Annotations = (c.Value?["annotations"] as JsonObject)?.ToDictionary(static a => a.Key, static a => (string)a.Value!),
                OwnerReferences = (string?)c.Value?["dataVolume"] is { } owner
                    ? [new() { ApiVersion = "cdi.kubevirt.io/v1beta1", Kind = "DataVolume", Name = owner, Uid = "dddddddd-aaaa-aaaa-aaaa-dddddddddddd", Controller = true }]
                    : null,
            },
            Spec = new()
            {
                VolumeMode = (string?)c.Value?["volumeMode"],
                DataSource = (string?)c.Value?["cloneOf"] is { } original ? new(null, "PersistentVolumeClaim", original) : null,
                AccessModes = c.Value?["accessModes"]?.AsArray().Select(static m => (string)m!).ToList(),
            },
            Status = new() { Phase = (string?)c.Value?["phase"] ?? PersistentVolumeClaim.Bound },
        });

    public static PersistentVolumeClaim Claim(JsonNode given) =>
        Read(given, CoreKinds.PersistentVolumeClaims.Json, new JsonObject { ["name"] = "fedora", ["namespace"] = "golden", ["uid"] = ClaimUid });

    public static StorageClass Class(JsonNode given) => Read(given, CoreKinds.StorageClasses.Json, []);

    public static VolumeSnapshot Snapshot(JsonNode given) => Read(given, CoreKinds.VolumeSnapshots.Json, new JsonObject { ["name"] = "tmp-snapshot", ["namespace"] = Golden });

    /// <summary>Drivers by name.</summary>
    public static IEnumerable<VolumeSnapshotClass> SnapshotClasses(JsonNode? given) => (given as JsonObject ?? []).Select(
        static c => new VolumeSnapshotClass { Metadata = new() { Name = c.Key }, Driver = (string?)c.Value });

    public static DataVolume Volume(JsonNode given) =>
        Read(given, ApiJson.Default.DataVolume, new JsonObject { ["name"] = "fedora", ["namespace"] = "golden", ["uid"] = VolumeUid });

    public const string Golden = "golden";

    public static DataImportCron Cron(JsonNode given) =>
        Read(given, ApiJson.Default.DataImportCron, new JsonObject { ["name"] = "fedora-cron", ["namespace"] = Golden, ["uid"] = CronUid });

    public static DataSource Source(JsonNode given) =>
        Read(given, ApiJson.Default.DataSource, new JsonObject { ["name"] = "fedora", ["namespace"] = Golden, ["uid"] = SourceUid });

    /// <summary>DataSources by name, of which the source is given; all in one namespace.</summary>
    public static Func<string, string, DataSource?> Sources(JsonNode? given) => (ns, name) =>
        ns != Golden || given?[name] is not { } source ? null
        : Read(new JsonObject { ["spec"] = new JsonObject { ["source"] = source.DeepClone() } }, ApiJson.Default.DataSource, new JsonObject { ["name"] = name, ["namespace"] = Golden, ["uid"] = SourceUid });

    public static MachineOptions Options(JsonNode? given) => new()
    {
        AgentImage = "registry.example/kvm-agent:1",
        KvmResource = (string?)given?["kvmResource"],
        TunResource = (string?)given?["tunResource"],
        SysctlForward = (bool?)given?["sysctlForward"] ?? false,
        ImagePullSecrets = Texts(given?["imagePullSecrets"]),
        HostDiskPaths = Texts(given?["hostDiskPaths"]),
        NodeSelector = (given?["nodeSelector"] as JsonObject ?? []).ToDictionary(static l => l.Key, static l => (string)l.Value!),
        Tolerations = (JsonArray?)given?["tolerations"]?.DeepClone() ?? [],
        Link = given?["link"] is { } link ? new LinkOptions((string)link["url"]!, (string)link["ca"]!, (string)link["audience"]!) : null,
    };

    private static T Read<T>(JsonNode given, JsonTypeInfo<T> type, JsonObject metadata)
    {
        var whole = given.DeepClone().AsObject();
        whole["metadata"] = MergePatch.Apply(metadata, whole["metadata"]?.DeepClone() ?? new JsonObject());
        return JsonSerializer.Deserialize(whole, type)!;
    }

    private static string[] Texts(JsonNode? given) => [.. (given as JsonArray ?? []).Select(static t => (string)t!)];
}
