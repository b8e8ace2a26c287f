using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.TestSupport.Api;

/// <summary>Who may ask: each token with its user. Tokens of service accounts expire, and go with their pod.</summary>
internal sealed class Users(World world)
{
    /// <summary>For whom tokens are where nothing else is asked.</summary>
    public const string ServerAudience = "https://kubernetes.default.svc.cluster.local";

    /// <summary>With a blank, as no token: what else than tokens is known stands among them.</summary>
    private const string Basic = "Basic ", Certificate = "Certificate ";

    private readonly ConcurrentDictionary<string, Known> _tokens = new();

    public void Add(string token, string name, IReadOnlyList<string> groups, Func<HttpRequest, bool>? filter) =>
        _tokens[token] = new Known(new Identity(name, "", [.. groups, "system:authenticated"]), [ServerAudience], null, null, filter);

    public void AddPassword(string name, string password, IReadOnlyList<string> groups) =>
        Add(Basic + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{password}")), name, groups, null);

    public void AddCertificate(X509Certificate2 certificate, string name, IReadOnlyList<string> groups) => Add(Certificate + certificate.Thumbprint, name, groups, null);

    public (string Token, DateTimeOffset Expires) AddServiceAccount(
        string ns, string name, string uid, IReadOnlyList<string>? audiences, (string Name, string Uid)? pod, TimeSpan? lifetime)
    {
        audiences = audiences is { Count: > 0 } ? audiences : [ServerAudience];
        var now = world.Now;
        var expires = now + (lifetime ?? TimeSpan.FromHours(1));
        var extra = new Dictionary<string, IReadOnlyList<string>>();
        if (pod is { } bound)
        {
            extra["authentication.kubernetes.io/pod-name"] = [bound.Name];
            extra["authentication.kubernetes.io/pod-uid"] = [bound.Uid];
        }

        var user = new Identity($"system:serviceaccount:{ns}:{name}", uid, ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]) { Extra = extra };
        var token = Token(user, audiences, now, expires);
        _tokens[token] = new Known(user, audiences, expires, pod?.Uid, null);
        return (token, expires);
    }

    public Known Authenticate(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        var token = header.StartsWith("Bearer ", StringComparison.Ordinal) ? header["Bearer ".Length..]
            : header.StartsWith(Basic, StringComparison.Ordinal) ? header
            : request.HttpContext.Connection.ClientCertificate is { } certificate ? Certificate + certificate.Thumbprint
            : null;
        return token is not null && Find(token, out _) is { } known && known.Audiences.Contains(ServerAudience)
            ? known
            : throw new ApiError(401, "Unauthorized", "Unauthorized");
    }

    public Known? Find(string token, out string? why)
    {
        why = "invalid bearer token";
        if (!_tokens.TryGetValue(token, out var known))
        {
            return null;
        }

        if (known.Expires <= world.Now)
        {
            why = "token has expired";
            return null;
        }

        lock (world.Gate)
        {
            if (known.PodUid is { } pod && world.Gone(pod))
            {
                why = "service account token has been invalidated";
                return null;
            }
        }

        why = null;
        return known;
    }

    // As a JWT is made, for clients that read the expiry; signed by nobody.
    private static string Token(Identity user, IReadOnlyList<string> audiences, DateTimeOffset now, DateTimeOffset expires)
    {
        static string Part(JsonObject json) => Convert.ToBase64String(json.Bytes()).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        var claims = new JsonObject
        {
            ["aud"] = Json.List(audiences),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = expires.ToUnixTimeSeconds(),
            ["sub"] = user.Name,
            ["jti"] = Guid.NewGuid().ToString(),
        };
        return $"{Part(new JsonObject { ["alg"] = "RS256" })}.{Part(claims)}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
    }

    internal sealed record Known(Identity User, IReadOnlyList<string> Audiences, DateTimeOffset? Expires, string? PodUid, Func<HttpRequest, bool>? Filter);
}
