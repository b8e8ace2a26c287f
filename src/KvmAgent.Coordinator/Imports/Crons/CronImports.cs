using System.Security.Cryptography;
using System.Text;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.DataVolumes;
using KvmAgent.Coordinator.Machines.Pods;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>What a DataImportCron makes: volumes, a DataSource, and the pod that looks at the image. Pure functions of the cron.</summary>
internal static class CronImports
{
    /// <summary>Of what a cron has made: its name.</summary>
    public const string Label = "cdi.kubevirt.io/dataImportCron";

    /// <summary>Of the cron: the revision that was found last.</summary>
    public const string Digest = "cdi.kubevirt.io/storage.import.sourceDesiredDigest";

    /// <summary>Of the cron: why the last look found none.</summary>
    public const string Trouble = "kvmagent.io/poll-trouble";

    private const int LongestLabel = 63, LongestName = 253, DigestCharacters = 12;

    public static string PodName(DataImportCron cron) => PodParts.Name("poll", cron.Metadata.Name!);

    /// <summary>Whether what it has made goes with it.</summary>
    public static bool OwnsAll(DataImportCron cron) => cron.Spec!.RetentionPolicy == "None";

    /// <returns>What is looked at, or what is wrong with the template or the names.</returns>
    public static (ImportRequest? Request, string? Problem) Request(DataImportCron cron)
    {
        var (name, spec) = (cron.Metadata.Name!, cron.Spec!);
        if (name.Length > LongestLabel)
        {
            return (null, $"the name has {name.Length} characters, and as a label of its imports it may have {LongestLabel}; make it anew with a shorter one");
        }

        if (spec.ManagedDataSource.Length is 0 or > LongestName - 1 - DigestCharacters)
        {
            return (null, $"spec.managedDataSource has {spec.ManagedDataSource.Length} characters, and imports are named by it: write 1 to {LongestName - 1 - DigestCharacters}");
        }

        return VolumeClaim.Request(Volume(cron, "", "")) is { } asked && asked is { Request: null } or { Request.Endpoint: not null }
            ? asked
            : (null, "spec.template has a source that has no revisions; write one of http, s3 and registry");
    }

    public static string VolumeName(DataImportCron cron, string digest) => $"{cron.Spec!.ManagedDataSource}-{Short(digest)}";

    /// <summary>What a registry's tag led to is imported by its digest: it may lead to something else by then.</summary>
    public static DataVolume Volume(DataImportCron cron, string name, string digest)
    {
        var template = cron.Spec!.Template;
        var source = template.Spec.Source;
        return new DataVolume
        {
            Metadata = new ObjectMeta
            {
                Name = name,
                Namespace = cron.Metadata.Namespace,
                Labels = new Dictionary<string, string>(template.Metadata?.Labels ?? new Dictionary<string, string>()) { [Label] = cron.Metadata.Name! },
                Annotations = template.Metadata?.Annotations,
                OwnerReferences = OwnsAll(cron) ? [Kinds.DataImportCrons.OwnerOf(cron)] : null,
            },
            Spec = source?.Registry is { Url: { } url } registry
                ? template.Spec with { Source = source with { Registry = registry with { Url = Pinned(url, digest) } } }
                : template.Spec,
        };
    }

    public static DataSource Source(DataImportCron cron, SourceObject claim) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = cron.Spec!.ManagedDataSource,
            Namespace = cron.Metadata.Namespace,
            Labels = new Dictionary<string, string> { [Label] = cron.Metadata.Name! },
            OwnerReferences = OwnsAll(cron) ? [Kinds.DataImportCrons.OwnerOf(cron)] : null,
        },
        Spec = new DataSourceSpec { Source = new DataSourceSource { Pvc = claim } },
    };

    /// <returns>An object's owners as the retention has them; null where they are.</returns>
    public static IReadOnlyList<OwnerReference>? Owners(DataImportCron cron, ObjectMeta meta)
    {
        var owners = meta.OwnerReferences ?? [];
        var isOwned = owners.Any(o => o.Uid == cron.Metadata.Uid);
        return isOwned == OwnsAll(cron) || (!isOwned && meta.Controller is not null) ? null
            : isOwned ? [.. owners.Where(o => o.Uid != cron.Metadata.Uid)]
            : [.. owners, Kinds.DataImportCrons.OwnerOf(cron)];
    }

    private static string Pinned(string url, string digest)
    {
        if (digest.Length == 0 || url.Contains('@', StringComparison.Ordinal))
        {
            return url;
        }

        var (slash, colon) = (url.LastIndexOf('/'), url.LastIndexOf(':'));
        return $"{(colon > slash ? url[..colon] : url)}@{digest}";
    }

    private static string Short(string digest) =>
        (digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.Length >= 7 + DigestCharacters && digest.Skip(7).All(char.IsAsciiHexDigitLower)
            ? digest[7..] : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(digest))))[..DigestCharacters];
}
