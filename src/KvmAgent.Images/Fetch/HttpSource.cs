using System.Net;
using System.Net.Http.Headers;
using System.Text;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// An http or https URL with what is sent to its origin alone: the user and password written in it, and the lines of the
/// headers file (CVE-2018-1000007: they must not follow a redirect to another host).
/// </summary>
internal sealed class HttpSource : ImageSource
{
    private readonly Uri _address;
    private readonly AuthenticationHeaderValue? _basic;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _headers;
    private readonly string? _caFile;
    private readonly AddressGuard _guard;

    private HttpSource(Uri address, IReadOnlyList<KeyValuePair<string, string>> headers, string? caFile, AddressGuard guard)
    {
        (_address, _headers, _caFile, _guard) = (HttpAddress.Bare(address), headers, caFile, guard);
        if (address.UserInfo.Length > 0)
            _basic = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Credentials(address.UserInfo))));
    }

    public override string Shown => HttpAddress.Show(_address);

    public Uri Address => _address;

    public static HttpSource Parse(string url, string? headersFile, string? caFile, IReadOnlyList<IPNetwork> allowAddresses)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || !url.Contains("://", StringComparison.Ordinal))
            throw Wrong("is neither a URL nor an absolute path", "write http://…, https://… or /…");
        if (!HttpAddress.IsHttp(address))
            throw Wrong($"has the scheme '{address.Scheme}'", "only http, https and absolute paths are accepted");
        if (address.Host.Length == 0)
            throw Wrong("names no host", "write http://HOST/…");
        return new HttpSource(address, headersFile is null ? [] : HeadersFile.Read(headersFile), caFile, new AddressGuard(allowAddresses));

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
        request.Headers.Authorization = _basic;
        foreach (var (name, value) in _headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    public HttpClient Client(StoreTimings timings) => HttpClients.Create(_caFile, timings.Connect, _guard);

    public override async Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using var client = Client(timings);
        await new HttpFetch(this, client, part, meter, time, timings).RunAsync(ct).ConfigureAwait(false);
    }

    private static string Credentials(string userInfo) =>
        Uri.UnescapeDataString(userInfo.Contains(':', StringComparison.Ordinal) ? userInfo : userInfo + ":");

    private static string Harmless(string url)
    {
        var afterScheme = url.IndexOf("://", StringComparison.Ordinal) is var i and >= 0 ? i + 3 : 0;
        var rest = url[afterScheme..];
        var at = rest.LastIndexOf('@');
        rest = at >= 0 ? "…" + rest[at..] : rest;
        var query = rest.IndexOf('?', StringComparison.Ordinal);
        return url[..afterScheme] + (query >= 0 ? rest[..query] + "?…" : rest);
    }
}
