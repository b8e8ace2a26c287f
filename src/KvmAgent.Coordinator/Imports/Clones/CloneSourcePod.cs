using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Clones;

/// <summary>
/// The pod beside a claim that is cloned: qemu-nbd serves its disk, to be read only, to who has the key. A pure function. Nothing in its
/// namespace owns it, for what it is made for is in another: it names that, and goes when that is done or gone.
/// </summary>
internal static class CloneSourcePod
{
    public const int Port = 10809;

    /// <summary>Of the pod: the claim that is filled, as <c>namespace/name</c>, and its UID.</summary>
    public const string Target = "kvmagent.io/clone-target", TargetUid = "kvmagent.io/clone-target-uid";

    /// <summary>CDI's label of pods of this kind.</summary>
    public const string Kind = "cdi-clone-source";

    private const string ContainerName = "source", KeyVolume = "key";

    public static bool Is(Pod pod) => pod.Metadata.Label(ImporterPod.KindLabel) == Kind;

    public static ClaimKey? TargetOf(Pod pod) =>
        Is(pod) && pod.Metadata.Annotation(Target)?.Split('/') is [var ns, var name] ? new ClaimKey(ns, name) : null;

    /// <summary>The same for the same clone, so that nobody makes two.</summary>
    public static string Name(PersistentVolumeClaim target) => $"clone-source-{target.Metadata.Uid}";

    /// <param name="key">The name of the Secret with the clone's key, which is made for this pod alone.</param>
    public static Pod Create(PersistentVolumeClaim target, PersistentVolumeClaim source, MachineOptions machines, ImportOptions options, string key)
    {
        var isBlock = source.Spec?.VolumeMode == PersistentVolumeClaim.Block;
        return new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = Name(target),
                Namespace = source.Metadata.Namespace,
                Labels = new Dictionary<string, string> { [ImportAnnotations.AppLabel] = ImportAnnotations.App, [ImporterPod.KindLabel] = Kind },
                Annotations = new Dictionary<string, string>
                {
                    [Target] = $"{target.Metadata.Namespace}/{target.Metadata.Name}",
                    [TargetUid] = target.Metadata.Uid!,
                    [CloneKeys.Annotation] = key,
                },
            },
            Spec = ImporterPod.Spec(machines) with
            {
                Containers =
                [
                    new Container
                    {
                        Name = ContainerName,
                        Image = machines.AgentImage,
                        ImagePullPolicy = machines.ImagePullPolicy,
                        Command = ["qemu-nbd"],
                        Args =
                        [
                            "--read-only", "--persistent", "--shared=8", "--format=raw", $"--port={Port.ToString(CultureInfo.InvariantCulture)}",
                            "--object", $"tls-creds-psk,id=tls0,endpoint=server,dir={ImporterPod.KeyDir}", "--tls-creds", "tls0",
                            isBlock ? ImporterPod.Device : $"{ImporterPod.VolumeDir}/disk.img",
                        ],
                        Ports = [new ContainerPort(Port) { Name = "nbd" }],
                        ReadinessProbe = new JsonObject { ["tcpSocket"] = new JsonObject { ["port"] = Port }, ["periodSeconds"] = 2 },
                        Resources = new ResourceRequirements { Requests = options.Requests, Limits = options.Limits },
                        SecurityContext = PodSecurity.Importer(),
                        VolumeMounts = [.. isBlock ? Array.Empty<VolumeMount>() : [new(ImporterPod.DataVolume, ImporterPod.VolumeDir) { ReadOnly = true }], new(KeyVolume, ImporterPod.KeyDir) { ReadOnly = true }],
                        VolumeDevices = isBlock ? [new VolumeDevice(ImporterPod.DataVolume, ImporterPod.Device)] : null,
                    },
                ],
                Volumes =
                [
                    Volume.Of(ImporterPod.DataVolume, "persistentVolumeClaim", new JsonObject { ["claimName"] = source.Metadata.Name }),
                    Volume.Of(KeyVolume, "secret", new JsonObject { ["secretName"] = key }),
                ],
            },
        };
    }

    /// <returns>Where it serves; null: not yet.</returns>
    public static string? ServerOf(Pod pod) =>
        pod.Metadata.DeletionTimestamp is null && Conditions.IsTrue(pod.Status?.Conditions, "Ready") && pod.Status?.PodIP is { Length: > 0 } ip
            ? string.Create(CultureInfo.InvariantCulture, $"nbds://{(ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]" : ip)}:{Port}")
            : null;
}
