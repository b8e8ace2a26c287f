using KvmAgent.Settings;

namespace KvmAgent.Import;

/// <summary>IMPORTER_SOURCE and IMPORTER_ENDPOINT as one source of ours.</summary>
/// <param name="Source">An http, https, s3, docker or oci URL; null for a blank disk.</param>
/// <param name="S3Endpoint">The S3 server, where the endpoint named one.</param>
/// <param name="S3Region">The bucket's region, where AWS's host names tell it.</param>
/// <param name="CloneFrom">The server of another claim's disk.</param>
/// <param name="IsUpload">Somebody sends it.</param>
internal readonly record struct ImporterEndpoint(string? Source, string? S3Endpoint = null, string? S3Region = null, Uri? CloneFrom = null, bool IsUpload = false)
{
    private const string AwsRegion = "us-east-1";

    /// <param name="kind">IMPORTER_SOURCE; null where it is not set, as early controllers did.</param>
    /// <param name="endpoint">IMPORTER_ENDPOINT.</param>
    /// <param name="errors">What is wrong with them.</param>
    public static ImporterEndpoint Read(GivenValue? kind, GivenValue? endpoint, SettingErrors errors)
    {
        var source = kind?.Text ?? (endpoint?.Text.StartsWith("s3://", StringComparison.OrdinalIgnoreCase) == true ? "s3" : "http");
        switch (source)
        {
            case "none":
                return default;
            case "upload":
                return new ImporterEndpoint(null, IsUpload: true);
            case not ("http" or "s3" or "registry" or "clone"):
                errors.Add(kind!.Value.Origin, source, "is not supported", "this importer has http, s3, registry, clone, upload, and none for a blank disk");
                return default;
        }

        if (endpoint is not { } given)
        {
            errors.Add($"IMPORTER_ENDPOINT is not set, and IMPORTER_SOURCE is {source}; set it to the image's URL");
            return default;
        }

        var isUrl = Uri.TryCreate(given.Text, UriKind.Absolute, out var url) && url.Host.Length > 0;
        return (source, isUrl ? url!.Scheme : "") switch
        {
            ("http", "http" or "https") or ("registry", "docker" or "oci") => new ImporterEndpoint(given.Text),
            ("s3", "s3") => new ImporterEndpoint(given.Text),
            ("s3", "http" or "https") => OfServer(url!, given, errors),
            ("clone", "nbds") when url!.Port > 0 => new ImporterEndpoint(null, CloneFrom: url),
            ("clone", _) => Wrong("is no server of a disk", "write nbds://ADDRESS:PORT"),
            ("http", _) => Wrong("is no http or https URL", "write https://HOST/PATH"),
            ("registry", _) => Wrong("is no image of a registry", "write docker://HOST/NAME:TAG"),
            _ => Wrong("is no object of an S3 server", "write https://HOST/BUCKET/KEY or s3://BUCKET/KEY"),
        };

        ImporterEndpoint Wrong(string problem, string remedy) => Error(given, problem, remedy, errors);
    }

    /// <summary><c>https://HOST/BUCKET/KEY</c>; of AWS also <c>https://BUCKET.s3.REGION.amazonaws.com/KEY</c>.</summary>
    private static ImporterEndpoint OfServer(Uri url, GivenValue given, SettingErrors errors)
    {
        var path = url.GetComponents(UriComponents.Path, UriFormat.UriEscaped);
        var origin = url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);
        string? region = null;
        if (Aws(url.Host) is var (bucket, awsRegion, server))
        {
            (path, region) = (bucket is null ? path : $"{bucket}/{path}", awsRegion);
            origin = $"{url.Scheme}://{server}{(url.IsDefaultPort ? "" : $":{url.Port}")}";
        }

        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && slash < path.Length - 1
            ? new ImporterEndpoint($"s3://{path}", origin, region)
            : Error(given, "names no bucket and key", "write https://HOST/BUCKET/KEY", errors);
    }

    /// <summary>https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html, with the old hosts that have no region.</summary>
    private static (string? Bucket, string Region, string Server)? Aws(string host)
    {
        var tail = host.EndsWith(".amazonaws.com", StringComparison.OrdinalIgnoreCase) ? ".amazonaws.com"
            : host.EndsWith(".amazonaws.com.cn", StringComparison.OrdinalIgnoreCase) ? ".amazonaws.com.cn" : null;
        if (tail is null)
        {
            return null;
        }

        // A bucket's name may have dots, and may be "s3": the last "s3" that leaves at most "dualstack.REGION" is the service.
        string[] labels = host[..^tail.Length].Split('.');
        for (var at = labels.Length - 1; at >= Math.Max(0, labels.Length - 3); at--)
        {
            var (service, rest) = (labels[at], labels[(at + 1)..]);
            var region = (service, rest) switch
            {
                ("s3", []) => AwsRegion,
                ("s3", [var name]) => name,
                ("s3", ["dualstack", var name]) => name,
                (['s', '3', '-', .. var name], []) => name,
                _ => null,
            };
            if (region is not null)
            {
                var bucket = at == 0 ? null : string.Join('.', labels[..at]);
                return (bucket, region, string.Join('.', labels[at..]) + tail);
            }
        }

        return null;
    }

    private static ImporterEndpoint Error(GivenValue given, string problem, string remedy, SettingErrors errors)
    {
        errors.Add(given.Origin, SettingsSummary.WithoutSecrets(given.Text), problem, remedy);
        return default;
    }
}
