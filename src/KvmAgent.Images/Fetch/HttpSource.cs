using System.Net.Http.Headers;
using System.Text;
using KvmAgent.Images.Import;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// An http or https URL with what is sent to its origin alone: the user and password written in it, and the lines of the
/// headers file (CVE-2018-1000007: they must not follow a redirect to another host).
/// </summary>
internal sealed class HttpSource : ImageSource
{
    private readonly Uri _address;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _headers;
    private readonly SourceAccess _access;
    private readonly HttpDialect? _dialect;

    /// <param name="address">User and password in it are taken before those of <paramref name="access"/>.</param>
    /// <param name="access">What is shown to its origin.</param>
    /// <param name="shown">What it is called, where that is not its address.</param>
    /// <param name="dialect">Where the server speaks more than plain HTTP.</param>
    public HttpSource(Uri address, SourceAccess access, string? shown = null, HttpDialect? dialect = null)
    {
        (_address, _access, _dialect) = (HttpAddress.Bare(address), access, dialect);
        Shown = shown ?? HttpAddress.Show(_address);
        _headers = HeaderLines.Read(access);
        _authorization = address.UserInfo.Length > 0 ? Basic(Credentials(address.UserInfo))
            : access.BearerToken is { } token ? new("Bearer", token)
            : access.User is { } user ? Basic(user, access.Password)
            : null;
    }

    public override string Shown { get; }

    public Uri Address => _address;

    public SourceAccess Access => _access;

    public HttpDialect? Dialect => _dialect;

    public static new HttpSource Parse(string url, SourceAccess access)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || !url.Contains("://", StringComparison.Ordinal))
            throw Wrong("is neither a URL nor an absolute path", "write https://…, http://…, s3://BUCKET/KEY, docker://HOST/REPOSITORY:TAG, file:///… or /…");
        if (!HttpAddress.IsHttp(address))
            throw Wrong($"has the scheme '{address.Scheme}'", "only https, http, s3, docker, oci, file and absolute paths are accepted");
        if (address.Host.Length == 0)
            throw Wrong("names no host", "write http://HOST/…");
        return new HttpSource(address, access);

        // What cannot be parsed cannot be freed of its secrets either, so the value itself is shown up to the first sign of them.
        ImageException Wrong(string what, string remedy) =>
            new(ImageFailure.Settings, $"the image source '{Harmless(url)}' {what}; {remedy}");
    }

    public HttpRequestMessage Request(Uri target)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, target);
        // A packed transfer would make ranges and lengths those of the packed bytes.
        request.Headers.AcceptEncoding.ParseAdd("identity");
        if (!HttpAddress.SameOrigin(target, _address))
            return request;
        request.Headers.Authorization = _dialect?.Authorization ?? _authorization;
        foreach (var (name, value) in _headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    public HttpClient Client(StoreTimings timings) => HttpClients.Create(_access, timings.Connect);

    public override async Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using var client = Client(timings);
        await new HttpFetch(this, client, part, meter, time, timings).RunAsync(ct).ConfigureAwait(false);
    }

    public override async Task<IImageStream> OpenAsync(TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var client = Client(timings);
        try
        {
            var ranges = await HttpRanges.OpenAsync(this, client, time, timings, ct).ConfigureAwait(false);
            return ranges.IsReadable ? new HttpImageData(client, ranges, ct) : new HttpImageStream(this, client, ranges, time, timings);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public static AuthenticationHeaderValue Basic(string user, string? password) => Basic($"{user}:{password}");

    private static AuthenticationHeaderValue Basic(string credentials) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));

    private static string Credentials(string userInfo) =>
        Uri.UnescapeDataString(userInfo.Contains(':', StringComparison.Ordinal) ? userInfo : userInfo + ":");

    /// <summary>A URL that may be none, without what may be secret in it.</summary>
    public static string Harmless(string url)
    {
        var afterScheme = url.IndexOf("://", StringComparison.Ordinal) is var i and >= 0 ? i + 3 : 0;
        var rest = url[afterScheme..];
        var at = rest.LastIndexOf('@');
        rest = at >= 0 ? "…" + rest[at..] : rest;
        var query = rest.IndexOf('?', StringComparison.Ordinal);
        return url[..afterScheme] + (query >= 0 ? rest[..query] + "?…" : rest);
    }
}
