using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Kubernetes.Tests.Watching;

public sealed class WatchTests : IAsyncLifetime
{
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

    private IAsyncEnumerable<WatchEvent<Widget>> Watch(WatchOptions? options = null) => _client.WatchAsync(Widget.Resource, "a", options);

    [Fact]
    public async Task A_watch_tells_events_as_they_come_and_ends_with_its_connection()
    {
        var next = new SemaphoreSlim(0);
        _server.Answer = async (_, context) =>
        {
            await context.Send(Widget.Event("ADDED", Widget.Of("x", version: "1")));
            await next.WaitAsync(context.RequestAborted);
            // In pieces, several at once, and one that nobody knows.
            var line = Widget.Event("MODIFIED", Widget.Of("x", "blue", "2"));
            await context.Response.WriteAsync(line[..20]);
            await context.Response.Body.FlushAsync();
            await context.Send(line[20..] + "\n" + """{"type":"NEWS","object":{}}""" + "\n" + Widget.Bookmark("9") + "\n" + Widget.Event("DELETED", Widget.Of("x", "blue", "10")));
        };
        var seen = new List<string>();
        await foreach (var e in Watch(new WatchOptions { ResourceVersion = "0", LabelSelector = "a=b", FieldSelector = "c=d", AllowBookmarks = true, TimeoutSeconds = 300 }))
        {
            seen.Add($"{e.Type} {e.Object?.Spec.Color} {e.ResourceVersion}");
            next.Release();
        }

        seen.ShouldBe(["Added red 1", "Modified blue 2", "Bookmark  9", "Deleted blue 10"]);
        _server.Asked.Single().Target.ShouldBe("/apis/test.kvm/v1/namespaces/a/widgets"
            + "?watch=true&resourceVersion=0&labelSelector=a%3Db&fieldSelector=c%3Dd&allowWatchBookmarks=true&timeoutSeconds=300");
    }

    [Fact]
    public async Task What_came_before_an_error_is_not_lost()
    {
        _server.Answer = static (_, context) => context.Send(Widget.Event("ADDED", Widget.Of("x")) + "\n"
            + """{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old"}}""");
        await using var events = Watch().GetAsyncEnumerator();
        (await events.MoveNextAsync()).ShouldBeTrue();
        var e = await Should.ThrowAsync<KubernetesException>(async () => await events.MoveNextAsync());
        e.IsGone.ShouldBeTrue();
        e.Message.ShouldContain("too old");
    }

    [Theory]
    [InlineData("{\"type\":\"ADDED\",\"obj", true)]
    [InlineData("{\"type\":\"ADDED\",\"obj", false)]
    [InlineData("{\"type\":\"ADDED\"}\n", false)]
    [InlineData("<html>\n", false)]
    [InlineData("{\"object\":{}}\n", false)]
    public async Task A_connection_that_breaks_or_talks_nonsense_is_no_end(string text, bool abort)
    {
        _server.Answer = async (_, context) =>
        {
            await context.Response.WriteAsync(text);
            await context.Response.Body.FlushAsync();
            if (abort)
            {
                context.Abort();
            }
        };
        await Should.ThrowAsync<HttpRequestException>(async () =>
        {
            await foreach (var e in Watch())
            {
            }
        });
    }

    [Fact]
    public async Task A_watch_that_is_refused_says_so()
    {
        _server.Answer = static (_, context) => context.Fail(403, "Forbidden");
        await using var events = Watch().GetAsyncEnumerator();
        (await Should.ThrowAsync<KubernetesException>(async () => await events.MoveNextAsync())).IsForbidden.ShouldBeTrue();
    }

    [Fact]
    public async Task A_watch_has_no_deadline_but_its_own()
    {
        var time = new ManualTime();
        using var client = _server.Client(time: time);
        _server.Answer = static async (_, context) =>
        {
            await context.Send(Widget.Event("ADDED", Widget.Of("x")));
            await context.Hang();
        };
        await using var events = client.WatchAsync(Widget.Resource, "a", new WatchOptions { TimeoutSeconds = 600 }).GetAsyncEnumerator();
        (await events.MoveNextAsync()).ShouldBeTrue();
        var next = events.MoveNextAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(629));
        next.IsCompleted.ShouldBeFalse();
        time.Advance(TimeSpan.FromSeconds(2));
        (await Should.ThrowAsync<HttpRequestException>(() => next)).InnerException.ShouldBeOfType<TimeoutException>();
    }

    [Fact]
    public async Task A_cancelled_watch_ends_by_cancellation()
    {
        using var cancel = new CancellationTokenSource();
        _server.Answer = static async (_, context) =>
        {
            await context.Send(Widget.Event("ADDED", Widget.Of("x")));
            await context.Hang();
        };
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var e in _client.WatchAsync(Widget.Resource, "a", null, cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
    }
}
