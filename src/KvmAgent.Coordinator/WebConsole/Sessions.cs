using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.WebConsole;

/// <summary>Somebody's, in a browser.</summary>
/// <param name="Token">What was shown at the beginning; it counts as long as whoever issued it says so.</param>
/// <param name="Mark">What each request that changes something must show besides the cookie: no other site can read it.</param>
internal sealed record Session(string Token, string Mark, DateTimeOffset Ends);

/// <summary>
/// Sessions of the web console, which are cookies and nothing else: what a person's token is stands in them, sealed (AES-256-GCM) by a key
/// that all replicas make of what they share. A page's script cannot read the cookie; another site's cannot use it: browsers do not send it
/// from there (SameSite), its Origin is looked at, and what changes something needs the session's mark.
/// </summary>
/// <param name="secret">What all replicas know and nobody else; asked for each time, for it may change.</param>
internal sealed class Sessions(Func<byte[]> secret, TimeProvider time)
{
    /// <summary>The prefix binds it to this host, to every path and to TLS.</summary>
    public const string Cookie = "__Host-kvm-session", MarkHeader = "X-Session-Mark";

    private const byte Form = 1;
    private const int NonceLength = 12, TagLength = 16, MarkLength = 16, HeadLength = 1 + sizeof(long) + MarkLength;

    /// <summary>Of a cookie browsers keep 4 KiB with its name and attributes.</summary>
    private const int LongestToken = 2800;

    private static readonly TimeSpan Lasts = TimeSpan.FromHours(12);

    /// <exception cref="CoordinatorException">The token is too long for a cookie.</exception>
    public Session Begin(HttpContext context, string token)
    {
        if (Encoding.UTF8.GetByteCount(token) > LongestToken)
        {
            throw new CoordinatorException(FailureReason.BadRequest, $"the token is longer than {LongestToken} bytes, which no cookie holds; log in with another, as by `kubectl create token`");
        }

        var session = new Session(token, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(MarkLength)), time.GetUtcNow() + Lasts);
        context.Response.Cookies.Append(Cookie, Seal(session), Options(Lasts));
        return session;
    }

    public static void End(HttpContext context) => context.Response.Cookies.Append(Cookie, "", Options(TimeSpan.Zero));

    /// <returns>Null where there is none, or none any more.</returns>
    public Session? Of(HttpContext context) =>
        context.Request.Cookies[Cookie] is { Length: > 0 } cookie && Open(cookie) is { } session && session.Ends > time.GetUtcNow() ? session : null;

    /// <returns>The token of a request's session; null where there is no session.</returns>
    /// <exception cref="CoordinatorException">There is one, but another site's page asks.</exception>
    public string? TokenOf(HttpContext context)
    {
        if (Of(context) is not { } session)
        {
            return null;
        }

        var request = context.Request;
        var isSocket = context.WebSockets.IsWebSocketRequest;
        var changes = !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method) && !isSocket;
        if (changes || isSocket)
        {
            DemandOwnOrigin(request);
        }

        return !changes || CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(session.Mark), Encoding.UTF8.GetBytes(request.Headers[MarkHeader].ToString()))
            ? session.Token
            : throw new CoordinatorException(FailureReason.Forbidden, $"the header {MarkHeader} is not the session's; load the page again");
    }

    /// <exception cref="CoordinatorException">Another site's page asks.</exception>
    public static void DemandOwnOrigin(HttpRequest request)
    {
        if (request.Headers.Origin.ToString() is var origin && origin != $"{request.Scheme}://{request.Host}")
        {
            throw new CoordinatorException(FailureReason.Forbidden, $"Origin \"{origin}\" is not this console's");
        }
    }

    private string Seal(Session session)
    {
        var content = new byte[HeadLength + Encoding.UTF8.GetByteCount(session.Token)];
        content[0] = Form;
        BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(1), session.Ends.ToUnixTimeSeconds());
        Base64Url.DecodeFromChars(session.Mark, content.AsSpan(1 + sizeof(long)));
        Encoding.UTF8.GetBytes(session.Token, content.AsSpan(HeadLength));

        var box = new byte[NonceLength + content.Length + TagLength];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceLength));
        using var cipher = Cipher();
        cipher.Encrypt(box.AsSpan(0, NonceLength), content, box.AsSpan(NonceLength, content.Length), box.AsSpan(NonceLength + content.Length));
        return Base64Url.EncodeToString(box);
    }

    private Session? Open(string cookie)
    {
        try
        {
            var box = Base64Url.DecodeFromChars(cookie);
            var content = new byte[box.Length - NonceLength - TagLength];
            using var cipher = Cipher();
            cipher.Decrypt(box.AsSpan(0, NonceLength), box.AsSpan(NonceLength, content.Length), box.AsSpan(NonceLength + content.Length), content);
            return content is [Form, ..] && content.Length > HeadLength
                ? new Session(
                    Encoding.UTF8.GetString(content.AsSpan(HeadLength)),
                    Base64Url.EncodeToString(content.AsSpan(1 + sizeof(long), MarkLength)),
                    DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt64BigEndian(content.AsSpan(1))))
                : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException or OverflowException)
        {
            // Another coordinator's, a former key's, or nonsense: no session.
            return null;
        }
    }

    private AesGcm Cipher() => new(HKDF.DeriveKey(HashAlgorithmName.SHA256, secret(), 32, info: "kvm-coordinator console session"u8.ToArray()), TagLength);

    private static CookieOptions Options(TimeSpan lasts) => new()
    {
        HttpOnly = true,
        Secure = true,
        SameSite = SameSiteMode.Strict,
        Path = "/",
        MaxAge = lasts,
        IsEssential = true,
    };
}
