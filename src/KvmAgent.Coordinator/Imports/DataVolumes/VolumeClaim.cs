using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.DataVolumes;

/// <summary>
/// The claim of a DataVolume, which asks for its import by annotations: a pure function. What the volume does not say of its storage is
/// what most storage can.
/// </summary>
internal static class VolumeClaim
{
    /// <summary>Of a file system's room so much is its own: a disk of the size that is asked for shall fit beside it.</summary>
    private const decimal Overhead = 0.06m;

    private const string Storage = "storage", Block = "Block", ReadWriteOnce = "ReadWriteOnce";

    /// <returns>The claim, or why there is none.</returns>
    public static (PersistentVolumeClaim? Claim, string? Problem) Create(DataVolume volume)
    {
        var spec = volume.Spec!;
        if (Source(spec) is not { } source)
        {
            return (null, Unsupported(spec));
        }

        var asked = spec.Pvc ?? spec.Storage!;
        if (asked.Resources?.Requests?.ContainsKey(Storage) != true)
        {
            return (null, $"spec.{(spec.Pvc is null ? "storage" : "pvc")}.resources.requests.storage is not given; give the disk's size, such as 10Gi");
        }

        if (!asked.Resources.Requests[Storage].TryBytes(out var size) || size == 0)
        {
            return (null, $"the size \"{asked.Resources.Requests[Storage].Text}\" is none; give a quantity such as 10Gi");
        }

        return (new PersistentVolumeClaim
        {
            Metadata = new ObjectMeta
            {
                Name = volume.Metadata.Name,
                Namespace = volume.Metadata.Namespace,
                Labels = new Dictionary<string, string>(volume.Metadata.Labels ?? new Dictionary<string, string>()) { [ImportAnnotations.AppLabel] = ImportAnnotations.App },
                Annotations = Annotations(volume, source),
                OwnerReferences = [Kinds.DataVolumes.OwnerOf(volume)],
            },
            Spec = spec.Pvc is not null ? Copy(asked) : Copy(asked with
            {
                AccessModes = asked.AccessModes is { Count: > 0 } modes ? modes : [ReadWriteOnce],
                Resources = asked.VolumeMode == Block ? asked.Resources : asked.Resources with
                {
                    Requests = new Dictionary<string, Quantity>(asked.Resources.Requests) { [Storage] = Quantity.OfBytes(WithOverhead(size)) },
                },
            }),
        }, null);
    }

    /// <returns>What the claim would ask for; null where the source is none that is imported.</returns>
    public static (ImportRequest? Request, string? Problem)? Request(DataVolume volume) =>
        Source(volume.Spec!) is { } source ? ImportRequest.Of(new ObjectMeta { Annotations = Annotations(volume, source) }) : null;

    /// <summary>In whole MiB.</summary>
    private static long WithOverhead(long size) => (long)Math.Ceiling(size * (1 + Overhead) / (1 << 20)) << 20;

    private static (string Kind, DataVolumeEndpoint? Endpoint)? Source(DataVolumeSpec spec) => spec.Source switch
    {
        { Http: { } http } => ("http", http),
        { S3: { } s3 } => ("s3", s3),
        { Registry: { } registry } => ("registry", registry),
        { Blank: not null } => ("none", null),
        _ => null,
    };

    private static string Unsupported(DataVolumeSpec spec) =>
        $"the source {(spec.Source?.Unknown?.Keys.FirstOrDefault() is { } kind ? $"\"{kind}\"" : "that is none")} is not supported; there are http, s3, registry and blank";

    private static SortedDictionary<string, string> Annotations(DataVolume volume, (string Kind, DataVolumeEndpoint? Endpoint) source)
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Ask("source", source.Kind);
        if (source.Endpoint is { } endpoint)
        {
            Ask("endpoint", endpoint.Url);
            Ask("secretName", endpoint.SecretRef);
            Ask("certConfigMap", endpoint.CertConfigMap);
            Ask("checksum", endpoint.Checksum);
            AskAll("extraHeaders", endpoint.ExtraHeaders);
            AskAll("secretExtraHeaders", endpoint.SecretExtraHeaders);
        }

        Add(ImportAnnotations.ContentType, volume.Spec!.ContentType);
        Add(ImportAnnotations.Preallocation, volume.Spec.Preallocation == true ? "true" : null);
        Add(ImportAnnotations.RetainPod, volume.Metadata.Annotation(ImportAnnotations.RetainPod));
        return annotations;

        void Ask(string name, string? value) => Add(ImportAnnotations.NameOf(name), value);

        void AskAll(string name, IReadOnlyList<string>? values)
        {
            foreach (var (number, value) in (values ?? []).Index())
            {
                Ask(string.Create(CultureInfo.InvariantCulture, $"{name}.{number}"), value);
            }
        }

        void Add(string name, string? value)
        {
            if (value is { Length: > 0 })
            {
                annotations[name] = value;
            }
        }
    }

    /// <summary>With what is not known here.</summary>
    private static PersistentVolumeClaimSpec Copy(DataVolumeClaim asked)
    {
        var spec = JsonSerializer.SerializeToNode(asked, ApiJson.Default.DataVolumeClaim)!;
        return JsonSerializer.Deserialize(new JsonObject { ["metadata"] = new JsonObject(), ["spec"] = spec }, CoreKinds.PersistentVolumeClaims.Json)!.Spec!;
    }
}
