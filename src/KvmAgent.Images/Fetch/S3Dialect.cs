using System.Net;
using System.Text;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// What S3 says when it gives no object. Of its XML only code and region are read: beside them stands what was signed.
/// </summary>
internal sealed class S3Dialect(string region, bool isSigned) : HttpDialect
{
    private const int MostBody = 16 << 10, LongestWord = 64;

    public override async Task<bool> AskAgainAsync(
        HttpSource source, HttpResponseMessage response, HttpClient client, StallGuard stall, CancellationToken ct)
    {
        // Elsewhere, and what may pass, is told by the status alone.
        if (!HttpAddress.SameOrigin(response.RequestMessage!.RequestUri!, source.Address)
            || (int)response.StatusCode is >= 500 or 408 or 416 or 425 or 429 || response.StatusCode == HttpStatusCode.NotModified)
            return false;
        var said = Encoding.UTF8.GetString(await ReadSomeAsync(response, MostBody, stall, ct).ConfigureAwait(false));
        var code = Element(said, "Code");
        var home = response.Headers.TryGetValues("x-amz-bucket-region", out var values) ? Harmless(values.First()) : null;
        home ??= Element(said, "Region");
        var redirects = (int)response.StatusCode is >= 300 and < 400;
        if (redirects && code is null && home is null)
            return false;
        // With 403 the region is told as well, and is the right one mostly.
        if (home is not null && home != region)
            throw Unavailable($"the bucket is in the region '{home}', and was looked for in '{region}'; set the S3 region to {home}");
        if (redirects)
            throw Unavailable("the bucket is in another region or at another endpoint; set the S3 region and endpoint to its own");
        throw Unavailable(Remedy(code, (int)response.StatusCode));

        ImageException Unavailable(string remedy) => new(ImageFailure.Unavailable,
            $"{source.Shown} is not available: the server {source.Address.Authority} answered {(int)response.StatusCode}{(code is null ? "" : $" {code}")}; {remedy}");
    }

    private string Remedy(string? code, int status) => code switch
    {
        "SignatureDoesNotMatch" => "check the secret key",
        "InvalidAccessKeyId" => "check the access key id",
        "ExpiredToken" or "InvalidToken" => "give a session token that is valid still and belongs to the keys",
        "NoSuchBucket" => "check the bucket's name, region and endpoint",
        "NoSuchKey" => "check the key; it is taken as it is written, %20 is no space",
        "AuthorizationHeaderMalformed" or "AuthorizationQueryParametersError" => "check the S3 region, the access key id and this machine's clock",
        _ when status == 404 => "check bucket and key",
        _ when status is 401 or 403 && isSigned => "check access key id and secret key, what they may read, and this machine's clock",
        _ when status is 401 or 403 => "it is not public; give access key id and secret key",
        _ => "check endpoint, region and keys",
    };

    private static string? Element(string xml, string name)
    {
        var from = xml.IndexOf($"<{name}>", StringComparison.Ordinal);
        var to = from < 0 ? -1 : xml.IndexOf('<', from + name.Length + 2);
        return to < 0 ? null : Harmless(xml[(from + name.Length + 2)..to]);
    }

    private static string? Harmless(string word) =>
        word.Length is > 0 and <= LongestWord && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_') ? word : null;
}
