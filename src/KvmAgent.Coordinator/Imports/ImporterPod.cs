using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>
/// The pod that fills a claim, or looks at what would fill one: a pure function of its owner and what it asks. Its environment is CDI's contract with its importer
/// (pkg/common/common.go), which <c>kvm-agent import</c> keeps. It ends with its owner, and the kubelet starts what fails in it again.
/// </summary>
internal static class ImporterPod
{
    public const string ContainerName = "importer";

    /// <summary>What a pod is for, and that of this kind.</summary>
    public const string KindLabel = "cdi.kubevirt.io", Kind = "importer";

    /// <summary>Where a claim's file system or device is in the pods of imports, and a clone's key.</summary>
    public const string DataVolume = "cdi-data-vol", VolumeDir = "/data", Device = "/dev/cdi-block-volume", KeyDir = "/clone-key";

    private const string CertDir = "/certs", HeadersDir = "/extraheaders", KeyVolume = "clone-key";

    /// <summary>The same for the same claim, so that nobody makes two.</summary>
    public static string Name(PersistentVolumeClaim claim) => PodParts.Name("importer", claim.Metadata.Name!);

    /// <param name="key">The name of the Secret with a clone's key, which is made for this pod alone.</param>
    public static Pod Create(PersistentVolumeClaim claim, ImportRequest request, MachineOptions machines, ImportOptions options, string key)
    {
        var isBlock = claim.Spec?.VolumeMode == PersistentVolumeClaim.Block;
        var meta = Meta(Name(claim), claim.Metadata, CoreKinds.PersistentVolumeClaims.OwnerOf(claim), request.Hash(claim), Kind);
        var annotations = new Dictionary<string, string>(meta.Annotations!);
        var environment = Environment(request, claim.Metadata.Uid, claim.Spec?.Storage?.Text);
        List<Volume> volumes = [Volume.Of(DataVolume, "persistentVolumeClaim", new JsonObject { ["claimName"] = claim.Metadata.Name })];
        List<VolumeMount> mounts = isBlock ? [] : [new VolumeMount(DataVolume, VolumeDir)];
        if (request.Server is { } server)
        {
            annotations[ImportAnnotations.CloneServer] = server;
            annotations[CloneKeys.Annotation] = key;
            volumes.Add(Volume.Of(KeyVolume, "secret", new JsonObject { ["secretName"] = key }));
            mounts.Add(new VolumeMount(KeyVolume, KeyDir) { ReadOnly = true });
        }

        if (machines.Link is { } link)
        {
            annotations[LinkVolume.Authority] = link.CaCertificate;
            environment.AddRange(LinkVolume.Environment(link));
            volumes.Add(LinkVolume.Of(link, withAuthority: true));
            mounts.Add(LinkVolume.Mount);
        }

        return Of(meta with { Annotations = annotations }, request, machines, options, new Container
        {
            Name = ContainerName,
            Args = ["import"],
            Env = environment,
            VolumeMounts = mounts,
            VolumeDevices = isBlock ? [new VolumeDevice(DataVolume, Device)] : null,
        },
        volumes);
    }

    /// <summary>One that fills nothing, and tells of the source by its end: see <see cref="Inspection"/>.</summary>
    /// <param name="name">The same for the same owner.</param>
    /// <param name="owner">Who wants to know, in whose namespace it is.</param>
    /// <param name="reference">To the owner.</param>
    public static Pod Inspector(string name, ObjectMeta owner, OwnerReference reference, ImportRequest request, MachineOptions machines, ImportOptions options) =>
        Of(Meta(name, owner, reference, request.Hash(), "inspector"), request, machines, options, new Container
        {
            Name = ContainerName,
            Args = ["inspect"],
            Env = Environment(request, owner.Uid, size: null),
            VolumeMounts = [],
        },
        []);

    private static ObjectMeta Meta(string name, ObjectMeta owner, OwnerReference reference, string hash, string manner) => new()
    {
        Name = name,
        Namespace = owner.Namespace,
        Labels = new Dictionary<string, string> { [ImportAnnotations.AppLabel] = ImportAnnotations.App, [KindLabel] = manner },
        Annotations = new Dictionary<string, string>
        {
            [ImportAnnotations.CreatedBy] = ImportAnnotations.Yes,
            [ImportAnnotations.CreatedByEarly] = ImportAnnotations.Yes,
            [ImportAnnotations.Request] = hash,
        },
        OwnerReferences = [reference],
    };

    /// <param name="container">What is its own; what every importer has is added.</param>
    private static Pod Of(ObjectMeta meta, ImportRequest request, MachineOptions machines, ImportOptions options, Container container, List<Volume> volumes)
    {
        List<VolumeMount> mounts = [.. container.VolumeMounts!];
        if (request.CertConfigMap is { } certificates)
        {
            volumes.Add(Volume.Of("certs", "configMap", new JsonObject { ["name"] = certificates }));
            mounts.Add(new VolumeMount("certs", CertDir) { ReadOnly = true });
        }

        foreach (var (number, secret) in request.SecretHeaders.Index())
        {
            volumes.Add(Volume.Of($"headers-{number}", "secret", new JsonObject { ["secretName"] = secret }));
            mounts.Add(new VolumeMount($"headers-{number}", $"{HeadersDir}/{number}") { ReadOnly = true });
        }

        return new Pod
        {
            Metadata = meta,
            Spec = Spec(machines) with
            {
                Containers =
                [
                    container with
                    {
                        Image = machines.AgentImage,
                        ImagePullPolicy = machines.ImagePullPolicy,
                        Resources = new ResourceRequirements { Requests = options.Requests, Limits = options.Limits },
                        SecurityContext = PodSecurity.Importer(),
                        VolumeMounts = mounts.Count == 0 ? null : mounts,
                    },
                ],
                Volumes = volumes.Count == 0 ? null : volumes,
            },
        };
    }

    /// <summary>What all pods of imports have, but for their containers.</summary>
    public static PodSpec Spec(MachineOptions machines) => new()
    {
        RestartPolicy = "OnFailure",
        EnableServiceLinks = false,
        AutomountServiceAccountToken = false,
        ImagePullSecrets = machines.ImagePullSecrets.Count == 0 ? null : [.. machines.ImagePullSecrets.Select(static s => new LocalObjectReference(s))],
        NodeSelector = machines.NodeSelector.Count == 0 ? null : machines.NodeSelector,
        Tolerations = machines.Tolerations.Count == 0 ? null : (JsonArray)machines.Tolerations.DeepClone(),
    };

    private static List<EnvVar> Environment(ImportRequest request, string? owner, string? size)
    {
        List<EnvVar> environment = [new("IMPORTER_SOURCE", request.Source), new("IMPORTER_CONTENTTYPE", request.ContentType), new("OWNER_UID", owner)];
        Add("IMPORTER_ENDPOINT", request.Server ?? request.Endpoint);
        Add("IMPORTER_IMAGE_SIZE", size);
        Add("IMPORTER_CHECKSUM", request.Checksum);
        Add("IMPORTER_CERT_DIR", request.CertConfigMap is null ? null : CertDir);
        Add("INSECURE_TLS", request.Insecure ? "true" : null);
        Add("PREALLOCATION", request.Preallocate ? "true" : null);
        foreach (var (number, header) in request.Headers.Index())
        {
            Add(string.Create(CultureInfo.InvariantCulture, $"IMPORTER_EXTRA_HEADER_{number}"), header);
        }

        if (request.Secret is { } secret)
        {
            environment.Add(OfSecret("IMPORTER_ACCESS_KEY_ID", secret, "accessKeyId"));
            environment.Add(OfSecret("IMPORTER_SECRET_KEY", secret, "secretKey"));
        }

        return environment;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                environment.Add(new EnvVar(name, value));
            }
        }
    }

    /// <summary>Read by the kubelet: a Secret that is not there yet is waited for, and nobody else sees it.</summary>
    private static EnvVar OfSecret(string name, string secret, string key) => new(name, null)
    {
        ValueFrom = new JsonObject { ["secretKeyRef"] = new JsonObject { ["name"] = secret, ["key"] = key } },
    };
}
