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

    /// <returns>The claim of which the volume shall be a copy; null where it is none.</returns>
    public static ClaimKey? CloneOf(DataVolume volume) =>
        volume.Spec?.Source?.Pvc is { } pvc ? new ClaimKey(pvc.Namespace ?? volume.Metadata.Namespace!, pvc.Name) : null;

    /// <param name="original">What it shall be a copy of, if that is there.</param>
    /// <returns>The claim, or why there is none.</returns>
    public static (PersistentVolumeClaim? Claim, string? Problem) Create(DataVolume volume, PersistentVolumeClaim? original)
    {
        var spec = volume.Spec!;
        if (Source(spec) is not { } source)
        {
            return (null, Unsupported(spec));
        }

        var asked = spec.Pvc ?? spec.Storage!;
        if (asked.Resources?.Requests?.GetValueOrDefault(Storage) is not { } given)
        {
            if (spec.Source!.Snapshot is not null)
            {
                // The snapshot says it.
                return (Whole(volume, source, asked), null);
            }

            if (CloneOf(volume) is not { } clone)
            {
                return (null, $"spec.{(spec.Pvc is null ? "storage" : "pvc")}.resources.requests.storage is not given; give the disk's size, such as 10Gi");
            }

            if (original?.Spec?.Storage is not { } size)
            {
                return (null, $"the source, {clone}, is not there, and so its size is not known; make it, or give spec.storage.resources.requests.storage");
            }

            // A disk that is as large as its volume does not fit beside a file system in one of that size.
            var least = original.Spec.VolumeMode == Block && asked.VolumeMode != Block && size.TryBytes(out var whole) ? Quantity.OfBytes(WithOverhead(whole)) : size;
            return (Whole(volume, source, WithSize(asked, least)), null);
        }

        if (!given.TryBytes(out var bytes) || bytes == 0)
        {
            return (null, $"the size \"{given.Text}\" is none; give a quantity such as 10Gi");
        }

        // A file system has needs of its own.
        var isExact = spec.Pvc is not null || asked.VolumeMode == Block;
        return (Whole(volume, source, isExact ? asked : WithSize(asked, Quantity.OfBytes(WithOverhead(bytes)))), null);
    }

    /// <returns>The claim of a volume that does not say of which mode it shall be, in its source's; null where that is Filesystem, or the volume says it.</returns>
    public static PersistentVolumeClaim? AsItsSource(DataVolume volume, PersistentVolumeClaim original) =>
        volume.Spec is { Pvc: null, Storage: { VolumeMode: null } storage } spec && original.Spec?.VolumeMode == Block
            ? Create(volume with { Spec = spec with { Storage = storage with { VolumeMode = Block } } }, original).Claim : null;

    /// <returns>What the claim would ask for; null where the source is none that is imported.</returns>
    public static (ImportRequest? Request, string? Problem)? Request(DataVolume volume) =>
        Source(volume.Spec!) is { } source ? ImportRequest.Of(new ObjectMeta { Annotations = Annotations(volume, source) }) : null;

    private static PersistentVolumeClaim Whole(DataVolume volume, (string Kind, DataVolumeEndpoint? Endpoint) source, DataVolumeClaim asked) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = volume.Metadata.Name,
            Namespace = volume.Metadata.Namespace,
            Labels = new Dictionary<string, string>(volume.Metadata.Labels ?? new Dictionary<string, string>()) { [ImportAnnotations.AppLabel] = ImportAnnotations.App },
            Annotations = Annotations(volume, source),
            OwnerReferences = [Kinds.DataVolumes.OwnerOf(volume)],
        },
        Spec = Copy(volume.Spec!.Pvc is not null || asked.AccessModes is { Count: > 0 } ? asked : asked with { AccessModes = [ReadWriteOnce] }),
    };

    public static DataVolumeClaim WithSize(DataVolumeClaim asked, Quantity size) => asked with
    {
        Resources = (asked.Resources ?? new()) with
        {
            Requests = new Dictionary<string, Quantity>(asked.Resources?.Requests ?? new Dictionary<string, Quantity>()) { [Storage] = size },
        },
    };

    /// <summary>In whole MiB.</summary>
    private static long WithOverhead(long size) => (long)Math.Ceiling(size * (1 + Overhead) / (1 << 20)) << 20;

    private static (string Kind, DataVolumeEndpoint? Endpoint)? Source(DataVolumeSpec spec) => spec.Source switch
    {
        { Http: { } http } => ("http", http),
        { S3: { } s3 } => ("s3", s3),
        { Registry: { } registry } => ("registry", registry),
        { Blank: not null } => ("none", null),
        { Pvc: not null } => ("clone", null),
        { Upload: not null } => ("upload", null),
        { Snapshot: not null } => ("snapshot", null),
        _ => null,
    };

    private static string Unsupported(DataVolumeSpec spec) =>
        $"the source {(spec.Source?.Unknown?.Keys.FirstOrDefault() is { } kind ? $"\"{kind}\"" : "that is none")} is not supported; there are http, s3, registry, pvc, snapshot, upload and blank";

    private static SortedDictionary<string, string> Annotations(DataVolume volume, (string Kind, DataVolumeEndpoint? Endpoint) source)
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (CloneOf(volume) is { } clone)
        {
            Add(ImportAnnotations.CloneRequest, $"{clone.Namespace}/{clone.Name}");
        }
        else if (volume.Spec?.Source?.Upload is not null)
        {
            annotations[ImportAnnotations.UploadTarget] = "";
        }
        else if (source.Kind != "snapshot")
        {
            Ask("source", source.Kind);
        }

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
        if (volume.Metadata.Annotation(ImportAnnotations.BindNow) is { } bindNow)
        {
            // That it is there is what counts.
            annotations[ImportAnnotations.BindNow] = bindNow;
        }

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
