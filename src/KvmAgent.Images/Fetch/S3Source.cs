using System.Buffers;
using System.Text;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// <c>s3://BUCKET/KEY</c>: an http(s) address with a signature in its query, read like any other. The key is taken as it is written, as
/// <c>aws s3</c> does it: nothing in it is escaped, and <c>?</c>, <c>#</c> and <c>+</c> are themselves.
/// </summary>
internal static class S3Source
{
    public const string Scheme = "s3://";
    public const string DefaultRegion = "us-east-1";

    private const int LongestKey = 1024;

    private static readonly SearchValues<char> BucketCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

    private static readonly SearchValues<char> RegionCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    // The SDK has names of its own beside buckets: access points by ARN, which are no host names.
    private static readonly SearchValues<char> HostCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <exception cref="ImageException">It is none, or the access does not go with it.</exception>
    public static HttpSource Parse(string source, SourceAccess access, DateTimeOffset now)
    {
        var rest = source[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (bucket, key) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        if (bucket.Length is < 3 or > 63 || bucket.AsSpan().ContainsAnyExcept(BucketCharacters) || !char.IsAsciiLetterOrDigit(bucket[0]))
            throw Wrong("names no bucket (3 to 63 letters, digits, '-', '_' and '.')", "write s3://BUCKET/KEY, and the server's address into the S3 endpoint");
        if (key.Length == 0 || key.EndsWith('/'))
            throw Wrong("names no object in the bucket", "write s3://BUCKET/KEY");
        if (key.Any(char.IsControl) || Encoding.UTF8.GetByteCount(key) > LongestKey)
            throw Wrong($"has a key with control characters, or of more than {LongestKey} bytes", "check it");
        if (key.Split('/').Any(part => part is "." or ".."))
            throw Wrong("has '.' or '..' for a part of its key, which no http address can carry", "rename the object");

        var region = Region(access);
        var (endpoint, pathStyle) = Server(access, region, bucket);
        var isSigned = IsSigned(access, source);
        var address = isSigned
            ? S3Signature.Sign(endpoint, pathStyle, region, bucket, key, access, now)
            : Unsigned(endpoint, pathStyle, bucket, key);
        return new HttpSource(address, access with { User = null, Password = null, BearerToken = null }, source, new S3Dialect(region, isSigned));

        ImageException Wrong(string what, string remedy) =>
            new(ImageFailure.Settings, $"the image source '{HttpSource.Harmless(source)}' {what}; {remedy}");
    }

    private static string Region(SourceAccess access)
    {
        var region = access.S3Region ?? DefaultRegion;
        return region.Length is > 0 and <= 64 && !region.AsSpan().ContainsAnyExcept(RegionCharacters) ? region
            : throw new ImageException(ImageFailure.Settings, $"the S3 region '{region}' is none; write one such as {DefaultRegion}");
    }

    // A bucket before the name of a host of one's own has no DNS entry as a rule, and with a dot in it no certificate.
    private static (Uri Endpoint, bool PathStyle) Server(SourceAccess access, string region, string bucket)
    {
        if (access.S3Endpoint is not { } given)
        {
            var domain = region.StartsWith("cn-", StringComparison.Ordinal) ? "amazonaws.com.cn" : "amazonaws.com";
            return (new Uri($"https://s3.{region}.{domain}"), bucket.AsSpan().ContainsAnyExcept(HostCharacters));
        }
        return Uri.TryCreate(given, UriKind.Absolute, out var endpoint) && HttpAddress.IsHttp(endpoint)
            && endpoint is { Host.Length: > 0, AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
            ? (endpoint, true)
            : throw new ImageException(ImageFailure.Settings,
                $"the S3 endpoint '{HttpSource.Harmless(given)}' is not the address of a server; write http://HOST:PORT or https://HOST, without path, user and query");
    }

    private static bool IsSigned(SourceAccess access, string source)
    {
        if (access is { User: null or "", Password: null or "", BearerToken: null })
            return false;
        if (access is { User.Length: > 0, Password.Length: > 0 })
            return true;
        throw new ImageException(ImageFailure.Settings,
            $"the image source '{source}' is given one of access key id, secret key and session token without the others; "
            + "give access key id and secret key (and a session token that belongs to them), or none for a public bucket");
    }

    private static Uri Unsigned(Uri endpoint, bool pathStyle, string bucket, string key)
    {
        var path = string.Join('/', key.Split('/').Select(Uri.EscapeDataString));
        return pathStyle ? new Uri(endpoint, $"/{bucket}/{path}") : new Uri($"https://{bucket}.{endpoint.Host}/{path}");
    }
}
