using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Imports.Clones;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>
/// The pod that fills a claim: a pure function of the claim and what it asks. Its environment is CDI's contract with its importer
/// (pkg/common/common.go), which <c>kvm-agent import</c> keeps. It ends with its claim, and the kubelet starts what fails in it again.
/// </summary>
internal static class ImporterPod
{
    public const string ContainerName = "importer";

    /// <summary>What a pod is for, and that of this kind.</summary>
    public const string KindLabel = "cdi.kubevirt.io", Kind = "importer";

    private const string DataVolume = "cdi-data-vol", VolumeDir = "/data", Device = "/dev/cdi-block-volume", CertDir = "/certs", HeadersDir = "/extraheaders", KeyVolume = "clone-key", KeyDir = "/clone-key";

    /// <summary>The same for the same claim, so that nobody makes two.</summary>
    public static string Name(PersistentVolumeClaim claim) => PodParts.Name("importer", claim.Metadata.Name!);

    /// <param name="key">The name of the Secret with a clone's key, which is made for this pod alone.</param>
    public static Pod Create(PersistentVolumeClaim claim, ImportRequest request, MachineOptions machines, ImportOptions options, string key)
    {
        var volumes = new List<Volume> { Volume.Of(DataVolume, "persistentVolumeClaim", new JsonObject { ["claimName"] = claim.Metadata.Name }) };
        var mounts = new List<VolumeMount>();
        List<VolumeDevice>? devices = null;
        if (claim.Spec?.VolumeMode == PersistentVolumeClaim.Block)
        {
            devices = [new VolumeDevice(DataVolume, Device)];
        }
        else
        {
            mounts.Add(new VolumeMount(DataVolume, VolumeDir));
        }

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

        var annotations = new Dictionary<string, string>
        {
            [ImportAnnotations.CreatedBy] = ImportAnnotations.Yes,
            [ImportAnnotations.CreatedByEarly] = ImportAnnotations.Yes,
            [ImportAnnotations.Request] = request.Hash(claim),
        };
        if (request.Server is { } server)
        {
            annotations[ImportAnnotations.CloneServer] = server;
            annotations[CloneKeys.Annotation] = key;
            volumes.Add(Volume.Of(KeyVolume, "secret", new JsonObject { ["secretName"] = key }));
            mounts.Add(new VolumeMount(KeyVolume, KeyDir) { ReadOnly = true });
        }

        var environment = Environment(claim, request);
        if (machines.Link is { } link)
        {
            annotations[LinkVolume.Authority] = link.CaCertificate;
            environment.AddRange(LinkVolume.Environment(link));
            volumes.Add(LinkVolume.Of(link, withAuthority: true));
            mounts.Add(LinkVolume.Mount);
        }

        return new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = Name(claim),
                Namespace = claim.Metadata.Namespace,
                Labels = new Dictionary<string, string> { [ImportAnnotations.AppLabel] = ImportAnnotations.App, [KindLabel] = Kind },
                Annotations = annotations,
                OwnerReferences = [CoreKinds.PersistentVolumeClaims.OwnerOf(claim)],
            },
            Spec = Spec(machines) with
            {
                Containers =
                [
                    new Container
                    {
                        Name = ContainerName,
                        Image = machines.AgentImage,
                        ImagePullPolicy = machines.ImagePullPolicy,
                        Args = ["import"],
                        Env = environment,
                        Resources = new ResourceRequirements { Requests = options.Requests, Limits = options.Limits },
                        SecurityContext = PodSecurity.Importer(),
                        VolumeMounts = mounts.Count == 0 ? null : mounts,
                        VolumeDevices = devices,
                    },
                ],
                Volumes = volumes,
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

    private static List<EnvVar> Environment(PersistentVolumeClaim claim, ImportRequest request)
    {
        List<EnvVar> environment = [new("IMPORTER_SOURCE", request.Source), new("IMPORTER_CONTENTTYPE", request.ContentType), new("OWNER_UID", claim.Metadata.Uid)];
        Add("IMPORTER_ENDPOINT", request.Server ?? request.Endpoint);
        Add("IMPORTER_IMAGE_SIZE", claim.Spec?.Storage?.Text);
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
