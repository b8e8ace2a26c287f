using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using KvmAgent.Images.Fetch;

namespace KvmAgent.Images.Registry;

/// <summary>
/// How a registry is shown who asks: nothing at first, then what its 401 asks for: Basic, or a token of the server that it names. Tokens
/// live for minutes; the next 401 brings the next one, once for all who ask at the same time.
/// </summary>
/// <remarks>
/// User and password go to whatever token server the registry names, as with docker, podman and containerd: many have it on a domain of
/// another name, and a registry that means harm could ask for Basic itself. The token server's address is guarded like any other, is never
/// http where the registry is https, and where it redirects to another host they do not follow.
/// </remarks>
internal sealed class RegistryDialect(RegistryReference reference, SourceAccess access) : HttpDialect, IDisposable
{
    private const int MostBody = 64 << 10;

    private readonly SemaphoreSlim _renewing = new(1);
    private readonly SourceAccess _plain = access with { User = null, Password = null, BearerToken = null, HeadersFile = null, Headers = [] };
    private volatile AuthenticationHeaderValue? _authorization;

    public override AuthenticationHeaderValue? Authorization => _authorization;

    public override async Task<bool> AskAgainAsync(
        HttpSource source, HttpResponseMessage response, HttpClient client, StallGuard stall, CancellationToken ct)
    {
        if (!HttpAddress.SameOrigin(response.RequestMessage!.RequestUri!, reference.Server))
            return false;
        if (response.StatusCode == HttpStatusCode.Unauthorized)
            return await RenewAsync(response, client, stall, ct).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
            throw await RefusedAsync(response, stall, ct).ConfigureAwait(false);
        return false;
    }

    public void Dispose() => _renewing.Dispose();

    private async Task<bool> RenewAsync(HttpResponseMessage response, HttpClient client, StallGuard stall, CancellationToken ct)
    {
        var shown = response.RequestMessage!.Headers.Authorization;
        await _renewing.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            if (_authorization is { } newer && !newer.Equals(shown))
                return true;
            foreach (var challenge in response.Headers.WwwAuthenticate)
            {
                var asks = challenge.Scheme.ToLowerInvariant();
                if (asks == "bearer")
                    _authorization = await TokenAsync(Challenge.Parse(challenge.Parameter), client, stall, ct).ConfigureAwait(false);
                else if (asks == "basic" && access.User is { } user && shown?.Scheme != "Basic")
                    _authorization = HttpSource.Basic(user, access.Password);
                else
                    continue;
                return true;
            }
            throw await RefusedAsync(response, stall, ct).ConfigureAwait(false);
        }
        finally
        {
            _renewing.Release();
        }
    }

    private async Task<AuthenticationHeaderValue> TokenAsync(
        IReadOnlyDictionary<string, string> challenge, HttpClient client, StallGuard stall, CancellationToken ct)
    {
        if (!Uri.TryCreate(challenge.GetValueOrDefault("realm"), UriKind.Absolute, out var realm) || !HttpAddress.IsHttp(realm) || realm.UserInfo.Length > 0)
            throw Unavailable("the registry names no token server", "check that it is a registry");
        if (reference.Server.Scheme == "https" && realm.Scheme == "http")
            throw new ImageException(ImageFailure.Refused,
                $"{reference.Shown} is refused: the registry speaks https and has its tokens at {HttpAddress.Show(realm)}; have its owner mend that");
        var query = $"service={Uri.EscapeDataString(challenge.GetValueOrDefault("service") ?? "")}&scope={Uri.EscapeDataString(Scope(challenge))}";
        var address = new UriBuilder(realm) { Query = realm.Query.Length > 1 ? $"{realm.Query[1..]}&{query}" : query, Fragment = "" }.Uri;
        var server = new HttpSource(address, _plain with { User = access.User, Password = access.User is null ? null : access.Password }, reference.Shown);
        using var response = await new RedirectTrail(server, server.Address)
            .AskAsync(client, static r => r.Headers.Accept.ParseAdd("application/json"), stall, false, ct).ConfigureAwait(false);
        var said = $"the token server {realm.Authority} answered {(int)response.StatusCode}";
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            throw Unavailable(said, access.User is null ? "give user and password" : "check user and password");
        if (response.StatusCode != HttpStatusCode.OK)
            throw HttpStatus.Explain(response, false, $"{reference.Shown}: {HttpAddress.Show(realm)}");
        return new AuthenticationHeaderValue("Bearer", Token(await ReadSomeAsync(response, MostBody, stall, ct).ConfigureAwait(false))
            ?? throw Unavailable($"{said} without a token", "check the registry"));
    }

    // What the registry calls itself may differ from the address, but nothing is asked for but to read.
    private string Scope(IReadOnlyDictionary<string, string> challenge) =>
        challenge.GetValueOrDefault("scope") is { } scope && scope.Split(' ') is [['r', 'e', 'p', 'o', 's', 'i', 't', 'o', 'r', 'y', ':', ..] one]
        && one.EndsWith(":pull", StringComparison.Ordinal) ? scope : $"repository:{reference.Repository}:pull";

    private static string? Token(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            foreach (var name in new[] { "token", "access_token" })
                if (document.RootElement.TryGetProperty(name, out var token) && token.GetString() is { Length: > 0 } text && text.All(c => c is > ' ' and <= '~'))
                    return text;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // None.
        }
        return null;
    }

    private async Task<ImageException> RefusedAsync(HttpResponseMessage response, StallGuard stall, CancellationToken ct)
    {
        var code = Code(await ReadSomeAsync(response, MostBody, stall, ct).ConfigureAwait(false));
        var keys = access.User is null && access.BearerToken is null ? "give user and password" : "check user and password, and what they may read";
        var remedy = (int)response.StatusCode != 404 ? $"check the repository's name, and {keys}"
            : code switch
            {
                "MANIFEST_UNKNOWN" => "check tag or digest",
                "NAME_UNKNOWN" => "check the repository's name",
                "BLOB_UNKNOWN" => "the registry has lost a layer; push the image anew",
                _ => "check repository, tag and digest",
            };
        return Unavailable($"the registry {reference.Server.Authority} answered {(int)response.StatusCode}{(code is null ? "" : $" {code}")}", remedy);
    }

    private static string? Code(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var code = document.RootElement.GetProperty("errors")[0].GetProperty("code").GetString();
            return code is { Length: > 0 and <= 64 } && code.All(c => char.IsAsciiLetterUpper(c) || c == '_') ? code : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private ImageException Unavailable(string why, string remedy) =>
        new(ImageFailure.Unavailable, $"{reference.Shown} is not available: {why}; {remedy}");
}
