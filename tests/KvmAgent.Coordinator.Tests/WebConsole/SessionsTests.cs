using KvmAgent.Coordinator.WebConsole;
using KvmAgent.TestSupport;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.WebConsole;

public sealed class SessionsTests
{
    private readonly ManualTime _time = new();
    private byte[] _secret = [1, 2, 3];

    private Sessions Sessions => new(() => _secret, _time);

    [Fact]
    public void A_session_is_its_cookie_which_tells_nobody_the_token()
    {
        var (session, cookie, header) = Begin("a-token");
        header.ShouldContain("httponly", Case.Insensitive);
        header.ShouldContain("secure", Case.Insensitive);
        header.ShouldContain("samesite=strict", Case.Insensitive);
        header.ShouldStartWith("__Host-");
        cookie.ShouldNotContain("a-token");
        Begin("a-token").Cookie.ShouldNotBe(cookie);

        // Of another replica, which shares the secret.
        Sessions.TokenOf(Request("GET", cookie)).ShouldBe("a-token");
        Sessions.Of(Request("GET", cookie)).ShouldBe(session with { Ends = DateTimeOffset.FromUnixTimeSeconds(session.Ends.ToUnixTimeSeconds()) });
    }

    [Fact]
    public void Another_secret_a_changed_byte_or_twelve_hours_end_it()
    {
        var (_, cookie, _) = Begin("a-token");
        for (var at = 0; at < cookie.Length; at += 7)
        {
            var bent = cookie.Remove(at, 1).Insert(at, cookie[at] == 'A' ? "B" : "A");
            Sessions.TokenOf(Request("GET", bent)).ShouldBeNull();
        }

        foreach (var nonsense in new[] { "x", "%%%", new string('A', 4000), cookie[..20] })
        {
            Sessions.TokenOf(Request("GET", nonsense)).ShouldBeNull();
        }

        _time.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(2));
        Sessions.TokenOf(Request("GET", cookie)).ShouldBe("a-token");
        _time.Advance(TimeSpan.FromSeconds(3));
        Sessions.TokenOf(Request("GET", cookie)).ShouldBeNull();

        (_, cookie, _) = Begin("a-token");
        _secret = [1, 2, 4];
        Sessions.TokenOf(Request("GET", cookie)).ShouldBeNull();
    }

    [Fact]
    public void What_changes_something_needs_the_mark_and_comes_from_this_console()
    {
        var (session, cookie, _) = Begin("a-token");
        Sessions.TokenOf(Request("POST", cookie, Own, session.Mark)).ShouldBe("a-token");
        Should.Throw<CoordinatorException>(() => Sessions.TokenOf(Request("POST", cookie, Own))).Message.ShouldContain("X-Session-Mark");
        Should.Throw<CoordinatorException>(() => Sessions.TokenOf(Request("DELETE", cookie, Own, Begin("a-token").Session.Mark))).Message.ShouldContain("X-Session-Mark");
        Should.Throw<CoordinatorException>(() => Sessions.TokenOf(Request("POST", cookie, "https://evil.example", session.Mark))).Message.ShouldContain("evil.example");
        Should.Throw<CoordinatorException>(() => Sessions.TokenOf(Request("POST", cookie, null, session.Mark))).Message.ShouldContain("Origin");
        Should.Throw<CoordinatorException>(() => Sessions.TokenOf(Request("POST", cookie, "http://console.example:8444", session.Mark))).Message.ShouldContain("http://");
    }

    [Fact]
    public void A_token_that_no_cookie_holds_is_refused() =>
        Should.Throw<CoordinatorException>(() => Begin(new string('t', 2801))).Message.ShouldContain("2800 bytes");

    private const string Own = "https://console.example:8444";

    private (Session Session, string Cookie, string Header) Begin(string token)
    {
        var context = new DefaultHttpContext();
        var session = Sessions.Begin(context, token);
        var header = context.Response.Headers.SetCookie.ToString();
        return (session, header[(header.IndexOf('=', StringComparison.Ordinal) + 1)..header.IndexOf(';', StringComparison.Ordinal)], header);
    }

    private static DefaultHttpContext Request(string method, string cookie, string? origin = null, string? mark = null)
    {
        var context = new DefaultHttpContext { Request = { Method = method, Scheme = "https", Host = new HostString("console.example", 8444) } };
        context.Request.Headers.Cookie = $"{Sessions.Cookie}={cookie}";
        context.Request.Headers.Origin = origin;
        context.Request.Headers[Sessions.MarkHeader] = mark;
        return context;
    }
}
