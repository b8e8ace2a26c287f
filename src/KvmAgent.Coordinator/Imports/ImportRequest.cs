using System.Security.Cryptography;
using System.Text;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports;

/// <summary>What a claim asks to be filled with. Where it lies is looked at by the importer alone: the coordinator fetches nothing.</summary>
/// <param name="Source">The importer's IMPORTER_SOURCE: <c>http</c>, <c>s3</c>, <c>registry</c>, <c>clone</c>, or <c>none</c> for a blank disk.</param>
/// <param name="Endpoint">A URL, or the claim that is cloned as <c>namespace/name</c>; null for a blank disk.</param>
internal sealed record ImportRequest(string Source, string? Endpoint)
{
    public const string Archive = "archive", Disk = "kubevirt";

    private const string CloneSource = "clone", UploadSource = "upload";

    /// <summary>By source, those of its endpoint; a blank disk has none.</summary>
    private static readonly Dictionary<string, string[]> Schemes = new()
    {
        ["http"] = ["http", "https"],
        ["s3"] = ["s3", "http", "https"],
        ["registry"] = ["docker", "oci"],
        ["none"] = [],
    };

    /// <summary>Null: it is no clone.</summary>
    public ClaimKey? CloneOf => Source == CloneSource && Endpoint?.Split('/') is [var ns, var name] ? new ClaimKey(ns, name) : null;

    /// <summary>Somebody sends it.</summary>
    public bool IsUpload => Source == UploadSource;

    /// <summary>From where a clone is copied, once that is known.</summary>
    public string? Server { get; init; }

    /// <summary>A Secret of the claim's namespace with <c>accessKeyId</c> and <c>secretKey</c>.</summary>
    public string? Secret { get; init; }

    /// <summary>A ConfigMap with certificates of authorities.</summary>
    public string? CertConfigMap { get; init; }

    public string? Checksum { get; init; }

    public string ContentType { get; init; } = Disk;

    public bool Insecure { get; init; }

    public bool Preallocate { get; init; }

    /// <summary><c>Name: value</c>.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>Secrets whose values are headers.</summary>
    public IReadOnlyList<string> SecretHeaders { get; init; } = [];

    /// <summary>The same for the same request.</summary>
    public string Hash(PersistentVolumeClaim claim) => Hash(claim.Spec?.Storage?.Text);

    /// <param name="size">Of what is to be filled, where it is known.</param>
    public string Hash(string? size = null) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(
        '\n',
        [Source, Endpoint ?? "", Secret ?? "", CertConfigMap ?? "", Checksum ?? "", ContentType, $"{Insecure} {Preallocate}", size ?? "", .. Headers, "", .. SecretHeaders]))))[..16];

    /// <returns>Null where nothing is asked; or the request; or what is wrong with it.</returns>
    public static (ImportRequest? Request, string? Problem)? Of(PersistentVolumeClaim claim) => Of(claim.Metadata);

    /// <param name="meta">Of a claim, be it one that is not made yet.</param>
    public static (ImportRequest? Request, string? Problem)? Of(ObjectMeta meta)
    {
        if (!ImportAnnotations.IsAsked(meta))
        {
            return null;
        }

        if (meta.Annotation(ImportAnnotations.CloneRequest) is { } wanted)
        {
            return wanted.Split('/') is [{ Length: > 0 }, { Length: > 0 }]
                ? (new ImportRequest(CloneSource, wanted) { Preallocate = meta.Annotation(ImportAnnotations.Preallocation) == "true" }, null)
                : (null, $"{ImportAnnotations.CloneRequest}=\"{wanted}\" names no claim; write NAMESPACE/NAME");
        }

        var content = meta.Annotation(ImportAnnotations.ContentType) is { Length: > 0 } type ? type : Disk;
        if (meta.Annotation(ImportAnnotations.UploadTarget) is not null)
        {
            return Problem("none", null, content) is { } wrong ? (null, wrong)
                : (new ImportRequest(UploadSource, null) { ContentType = content, Preallocate = meta.Annotation(ImportAnnotations.Preallocation) == "true" }, null);
        }

        var endpoint = ImportAnnotations.Asked(meta, "endpoint");
        // The first releases had no source, and told S3 by the URL.
        var source = ImportAnnotations.Asked(meta, "source") ?? (endpoint!.StartsWith("s3://", StringComparison.OrdinalIgnoreCase) ? "s3" : "http");
        var problem = Problem(source, endpoint, content);
        return problem is not null ? (null, problem) : (new ImportRequest(source, source == "none" ? null : endpoint)
        {
            Secret = ImportAnnotations.Asked(meta, "secretName"),
            CertConfigMap = ImportAnnotations.Asked(meta, "certConfigMap"),
            Checksum = ImportAnnotations.Asked(meta, "checksum"),
            ContentType = content,
            Insecure = ImportAnnotations.Asked(meta, "insecureSkipVerify") == "true",
            Preallocate = meta.Annotation(ImportAnnotations.Preallocation) == "true",
            Headers = ImportAnnotations.AskedAll(meta, "extraHeaders"),
            SecretHeaders = ImportAnnotations.AskedAll(meta, "secretExtraHeaders"),
        }, null);
    }

    private static string? Problem(string source, string? endpoint, string content)
    {
        if (!Schemes.TryGetValue(source, out var schemes))
        {
            return $"the source \"{source}\" is not supported; there are http, s3, registry, and none for a blank disk";
        }

        if (content is not (Disk or Archive))
        {
            return $"the contentType \"{content}\" is not known; it is {Disk} or {Archive}";
        }

        if (schemes.Length == 0)
        {
            return null;
        }

        if (endpoint is null)
        {
            return $"the source is {source}, and no endpoint is given; set the annotation to the image's URL";
        }

        return !Uri.TryCreate(endpoint, UriKind.Absolute, out var url) || url.Host.Length == 0 ? $"the endpoint \"{WithoutSecrets(endpoint)}\" is no URL; write one such as {Example(source)}"
            : !schemes.Contains(url.Scheme) ? $"the endpoint \"{WithoutSecrets(endpoint)}\" has the scheme {url.Scheme}, but the source {source} has {string.Join(", ", schemes)}; write one such as {Example(source)}"
            : null;
    }

    private static string Example(string source) => source switch
    {
        "s3" => "https://HOST/BUCKET/KEY",
        "registry" => "docker://HOST/NAME:TAG",
        _ => "https://HOST/PATH",
    };

    /// <summary>Somebody may have written a password into it, or a token after the question mark.</summary>
    private static string WithoutSecrets(string text)
    {
        var shown = text.Split('?', '#')[0];
        var (at, start) = (shown.LastIndexOf('@'), shown.IndexOf("//", StringComparison.Ordinal));
        shown = at < 0 ? shown : shown[..(start < 0 ? 0 : start + 2)] + shown[(at + 1)..];
        return shown.Length <= 200 ? shown : shown[..200] + "…";
    }
}
