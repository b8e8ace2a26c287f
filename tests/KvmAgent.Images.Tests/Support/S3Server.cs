using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Images.Tests.Support;

/// <summary>
/// One object of an S3 server that checks presigned addresses for itself, by the text of the specification: any parameter too many, another
/// region, key, token or date is answered as S3 does, with all that was signed in the body.
/// </summary>
internal sealed record S3Server(byte[] Content, string Bucket, string Key)
{
    public const string User = "AKIDTESTKEY", Secret = "very/secret+key", Region = "eu-test-1";

    private static readonly string[] Parameters =
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"];

    /// <summary>The session token that has to come too.</summary>
    public string? Token { get; init; }

    /// <summary>Whether it gives the object to anybody who does not sign.</summary>
    public bool IsPublic { get; init; }

    /// <summary>How far its clock is ahead.</summary>
    public TimeSpan Ahead { get; init; }

    public Answer Serve(Heard heard)
    {
        var parts = heard.Target.Split('?', 2);
        if (heard.Headers.ContainsKey("Authorization"))
            return Error(400, "InvalidArgument");
        if (parts.Length == 1)
            return !IsPublic ? Error(403, "AccessDenied") : Object(heard, parts[0]);
        return WhyNot(heard, parts[0], parts[1]) is { } refused ? refused : Object(heard, parts[0]);
    }

    /// <summary>An error as S3 tells it; its secrets must not reach a message.</summary>
    public static Answer Error(int status, string code, params (string Name, string Value)[] headers) => new(status, Encoding.UTF8.GetBytes(
        $"<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>no</Message><AWSAccessKeyId>{User}</AWSAccessKeyId>"
        + "<StringToSign>X-Amz-Signature leaked</StringToSign></Error>"), headers);

    private Answer Object(Heard heard, string path) =>
        path == $"/{Bucket}/{Escape(Key, slashes: false)}" ? Answer.File(heard, Content) : Error(404, "NoSuchKey");

    private Answer? WhyNot(Heard heard, string path, string query)
    {
        var given = query.Split('&').Select(p => p.Split('=', 2)).ToDictionary(p => Uri.UnescapeDataString(p[0]), p => Uri.UnescapeDataString(p[1]));
        var wanted = Parameters.Concat(Token is null ? Array.Empty<string>() : ["X-Amz-Security-Token"]);
        if (!given.Keys.Order().SequenceEqual(wanted.Order()) || given["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" || given["X-Amz-SignedHeaders"] != "host")
            return Error(403, "AccessDenied");
        var date = DateTimeOffset.ParseExact(given["X-Amz-Date"], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        var expires = int.Parse(given["X-Amz-Expires"], CultureInfo.InvariantCulture);
        var now = TimeProvider.System.GetUtcNow() + Ahead;
        if (expires is < 1 or > 604_800 || date > now.AddMinutes(15))
            return Error(400, "AuthorizationQueryParametersError");
        if (date.AddSeconds(expires) < now)
            return Error(403, "AccessDenied");
        var day = given["X-Amz-Date"][..8];
        if (!given["X-Amz-Credential"].EndsWith($"/{day}/{Region}/s3/aws4_request", StringComparison.Ordinal))
            return Error(400, "AuthorizationHeaderMalformed", ("x-amz-bucket-region", Region));
        if (given["X-Amz-Credential"] != $"{User}/{day}/{Region}/s3/aws4_request")
            return Error(403, "InvalidAccessKeyId");
        if (Token is not null && given["X-Amz-Security-Token"] != Token)
            return Error(403, "InvalidToken");
        return given["X-Amz-Signature"] == Signature(heard, path, given, day) ? null : Error(403, "SignatureDoesNotMatch");
    }

    private static string Signature(Heard heard, string path, Dictionary<string, string> given, string day)
    {
        var query = string.Join('&', given.Where(p => p.Key != "X-Amz-Signature")
            .OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{Escape(p.Key)}={Escape(p.Value)}"));
        var canonical = $"GET\n{path}\n{query}\nhost:{heard.Headers["Host"]}\n\nhost\nUNSIGNED-PAYLOAD";
        var text = $"AWS4-HMAC-SHA256\n{given["X-Amz-Date"]}\n{day}/{Region}/s3/aws4_request\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = new[] { day, Region, "s3", "aws4_request", text }
            .Aggregate(Encoding.UTF8.GetBytes("AWS4" + Secret), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        return Convert.ToHexStringLower(key);
    }

    private static string Escape(string text, bool slashes = true) => string.Concat(Encoding.UTF8.GetBytes(text).Select(b =>
        char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' or (byte)'.' or (byte)'~' || b == '/' && !slashes ? ((char)b).ToString() : $"%{b:X2}"));
}
