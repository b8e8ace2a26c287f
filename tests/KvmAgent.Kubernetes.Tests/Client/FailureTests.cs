using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Kubernetes.Tests.Client;

public sealed class FailureTests : IAsyncLifetime
{
    private static readonly CancellationToken _ct = CancellationToken.None;

    private ScriptedServer _server = null!;
    private KubernetesClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _client = _server.Client();
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private Task Get() => _client.GetAsync(Widget.Resource, "a", "x", _ct);

    [Theory]
    [InlineData(404, "NotFound", nameof(KubernetesException.IsNotFound))]
    [InlineData(409, "Conflict", nameof(KubernetesException.IsConflict))]
    [InlineData(409, "AlreadyExists", nameof(KubernetesException.IsAlreadyExists))]
    [InlineData(410, "Expired", nameof(KubernetesException.IsGone))]
    [InlineData(410, "Gone", nameof(KubernetesException.IsGone))]
    [InlineData(403, "Forbidden", nameof(KubernetesException.IsForbidden))]
    [InlineData(422, "Invalid", nameof(KubernetesException.IsInvalid))]
    [InlineData(401, "Unauthorized", nameof(KubernetesException.IsUnauthorized))]
    [InlineData(429, "TooManyRequests", nameof(KubernetesException.IsTooManyRequests))]
    public async Task Each_reason_is_told_apart(int code, string reason, string property)
    {
        _server.Answer = (_, context) => context.Fail(code, reason);
        var e = await Should.ThrowAsync<KubernetesException>(Get);
        e.Message.ShouldBe($"GET /apis/test.kvm/v1/namespaces/a/widgets/x: {code} {reason}: so it is");
        var set = typeof(KubernetesException).GetProperties().Where(p => p.PropertyType == typeof(bool) && p.Name != nameof(e.IsRefused) && (bool)p.GetValue(e)!);
        set.Select(static p => p.Name).ShouldBe([property]);
        e.Code.ShouldBe(code);
        e.IsRefused.ShouldBe(code is 400 or 403 or 422);
        e.Status.Reason.ShouldBe(reason);
    }

    [Fact]
    public async Task What_is_not_there_is_found_as_null_but_only_on_the_word_of_the_api()
    {
        _server.Answer = static (_, context) => context.Fail(404, "NotFound");
        (await _client.FindAsync(Widget.Resource, "a", "x", _ct)).ShouldBeNull();
        _server.Answer = static (_, context) => context.Answer(404, "404 page not found\n", "text/plain");
        var e = await Should.ThrowAsync<KubernetesException>(() => _client.FindAsync(Widget.Resource, "a", "x", _ct));
        e.Code.ShouldBe(404);
        e.IsNotFound.ShouldBeFalse();
    }

    [Fact]
    public async Task A_proxys_page_makes_a_good_error()
    {
        _server.Answer = static (_, context) =>
        {
            context.Response.Headers.RetryAfter = "7";
            return context.Answer(502, "<html>\n\n<h1>Bad   Gateway</h1>" + new string('x', 5000), "text/html");
        };
        var e = await Should.ThrowAsync<KubernetesException>(Get);
        e.Message.ShouldContain("502 BadGateway: the answer is not the API's (text/html): <html> <h1>Bad Gateway</h1>xxx");
        e.Message.Length.ShouldBeLessThan(600);
        e.RetryAfter.ShouldBe(TimeSpan.FromSeconds(7));
    }

    [Fact]
    public async Task No_redirect_is_followed()
    {
        _server.Answer = static (_, context) =>
        {
            context.Response.Redirect("http://elsewhere.test/login");
            return Task.CompletedTask;
        };
        (await Should.ThrowAsync<KubernetesException>(Get)).Message.ShouldContain("leading to http://elsewhere.test/login");
        _server.Asked.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("<html>", HttpRequestError.InvalidResponse)]
    [InlineData("null", HttpRequestError.InvalidResponse)]
    [InlineData("{}", HttpRequestError.InvalidResponse)]
    [InlineData("", HttpRequestError.InvalidResponse)]
    public async Task An_answer_that_is_not_understood_is_no_answer(string body, HttpRequestError error)
    {
        _server.Answer = (_, context) => context.Answer(200, body);
        (await Should.ThrowAsync<HttpRequestException>(Get)).HttpRequestError.ShouldBe(error);
        (await Should.ThrowAsync<HttpRequestException>(() => _client.ListAsync(Widget.Resource, "a", null, _ct))).HttpRequestError.ShouldBe(error);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_no_answer()
    {
        _server.Answer = static async (_, context) =>
        {
            context.Response.ContentLength = 1000;
            await context.Send("{");
            context.Abort();
        };
        await Should.ThrowAsync<HttpRequestException>(Get);
    }

    [Fact]
    public async Task An_answer_that_does_not_come_is_given_up()
    {
        var time = new ManualTime();
        using var client = _server.Client(time: time);
        _server.Answer = static async (_, context) =>
        {
            await context.Send("{");
            await context.Hang();
        };
        var get = client.GetAsync(Widget.Resource, "a", "x", _ct);
        await time.AdvanceUntilAsync(get);
        var e = await Should.ThrowAsync<HttpRequestException>(() => get);
        e.Message.ShouldContain("within 30 s");
        e.InnerException.ShouldBeOfType<TimeoutException>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_that_is_too_long_is_not_read_to_its_end(bool announced)
    {
        _server.Answer = async (_, context) =>
        {
            context.Response.ContentLength = announced ? 17L << 20 : null;
            for (var i = 0; i < 17; i++)
            {
                await context.Response.WriteAsync(new string(' ', 1 << 20), context.RequestAborted);
            }
        };
        (await Should.ThrowAsync<HttpRequestException>(Get)).HttpRequestError.ShouldBe(HttpRequestError.ConfigurationLimitExceeded);
    }

    [Fact]
    public async Task Cancellation_stays_cancellation()
    {
        using var cancel = new CancellationTokenSource();
        _server.Answer = async (_, context) =>
        {
            await cancel.CancelAsync();
            await context.Hang();
        };
        await Should.ThrowAsync<OperationCanceledException>(() => _client.GetAsync(Widget.Resource, "a", "x", cancel.Token));
    }
}
