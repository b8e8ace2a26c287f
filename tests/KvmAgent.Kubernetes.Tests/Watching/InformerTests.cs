using System.Text.Json;
using System.Threading.Channels;
using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Kubernetes.Tests.Watching;

public sealed class InformerTests : IAsyncLifetime, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualTime _time = new();
    private readonly List<string> _told = [];
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();
    private ScriptedServer _server = null!;
    private KubernetesClient _client = null!;
    private Informer<Widget> _informer = null!;
    private Task _run = Task.CompletedTask;

    /// <summary>What the lists say, one after the other; the last one again and again.</summary>
    private readonly Queue<Func<HttpContext, Task>> _lists = new();

    /// <summary>What the watches do; with none left they tell what comes in the channel.</summary>
    private readonly Queue<Func<HttpContext, Task>> _watches = new();

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.Answer = (asked, context) => asked.Target.Contains("watch=true", StringComparison.Ordinal)
            ? _watches.TryDequeue(out var watch) ? watch(context) : TellAsync(context)
            : _lists.Count > 1 ? _lists.Dequeue()(context) : _lists.Peek()(context);
        _client = _server.Client();
        _informer = new Informer<Widget>(_client, Widget.Resource, ["a"], null, _time, NullLogger.Instance);
        _informer.AddIndex("color", static widget => [widget.Spec.Color]);
        _informer.Changed += e =>
        {
            lock (_told)
            {
                _told.Add($"{e.Kind} {e.Object.Metadata.Name} {e.Old?.Spec.Color}>{e.Object.Spec.Color}");
            }
        };
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _client.Dispose();
        await _server.DisposeAsync();
    }

    public void Dispose() => _stop.Dispose();

    private async Task TellAsync(HttpContext context)
    {
        // The headers, so that the watch stands.
        await context.Response.Body.FlushAsync();
        await foreach (var line in _events.Reader.ReadAllAsync(context.RequestAborted))
        {
            await context.Send(line);
        }
    }

    private async Task StartAsync(string version, params Widget[] items)
    {
        _lists.Enqueue(context => context.Answer(200, Widget.List(version, items)));
        _run = _informer.RunAsync(_stop.Token);
        await _informer.Synced.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private void Send(string type, Widget widget) => _events.Writer.TryWrite(Widget.Event(type, widget));

    private string[] Told()
    {
        lock (_told)
        {
            return [.. _told];
        }
    }

    private string[] Watches => [.. _server.Asked.Where(static a => a.Target.Contains("watch=true", StringComparison.Ordinal)).Select(static a => a.Target)];

    [Fact]
    public async Task It_lists_then_follows_with_its_indexes()
    {
        await StartAsync("10", Widget.Of("x", "red", "3"), Widget.Of("y", "red", "4"));
        _informer.ByIndex("color", "red").Count.ShouldBe(2);
        Send("MODIFIED", Widget.Of("x", "blue", "11"));
        Send("ADDED", Widget.Of("z", "blue", "12"));
        Send("DELETED", Widget.Of("y", "red", "13"));
        await Wait.UntilAsync(() => Told().Length == 5);
        Told().ShouldBe(["Added x >red", "Added y >red", "Modified x red>blue", "Added z >blue", "Deleted y red>red"]);
        _informer.ByIndex("color", "red").ShouldBeEmpty();
        _informer.ByIndex("color", "blue").Select(static w => w.Metadata.Name).ShouldBe(["x", "z"], ignoreOrder: true);
        _informer.Get("a", "x")!.Metadata.ResourceVersion.ShouldBe("11");
        _informer.Get("a", "y").ShouldBeNull();
        _informer.List().Count().ShouldBe(2);
        Should.Throw<ArgumentException>(() => _informer.ByIndex("size", "1"));
        Should.Throw<InvalidOperationException>(() => _informer.AddIndex("size", static _ => []));
    }

    [Fact]
    public async Task It_lists_anew_when_it_is_asked_to_and_follows_behind_that()
    {
        await StartAsync("10", Widget.Of("x", "red", "3"), Widget.Of("y", "red", "4"));
        await Wait.UntilAsync(() => Watches.Length == 1);
        _lists.Enqueue(static context => context.Answer(200, Widget.List("20", Widget.Of("x", "blue", "15"), Widget.Of("z", "blue", "16"))));
        _lists.Dequeue();
        await _informer.RelistAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        Told().ShouldBe(["Added x >red", "Added y >red", "Modified x red>blue", "Added z >blue", "Deleted y red>red"]);
        await Wait.UntilAsync(() => Watches.Length == 2);
        Watches[1].ShouldContain("resourceVersion=20");
        Send("DELETED", Widget.Of("x", "blue", "21"));
        await Wait.UntilAsync(() => _informer.Get("a", "x") is null);
    }

    [Fact]
    public async Task A_list_that_was_asked_for_and_fails_says_why_and_the_next_one_is_made_all_the_same()
    {
        await StartAsync("10", Widget.Of("x", "red", "3"));
        await Wait.UntilAsync(() => Watches.Length == 1);
        _lists.Enqueue(static context => context.Answer(403, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"no","code":403}"""));
        _lists.Enqueue(static context => context.Answer(200, Widget.List("20", Widget.Of("x", "blue", "15"))));
        _lists.Dequeue();
        (await Should.ThrowAsync<KubernetesException>(() => _informer.RelistAsync(CancellationToken.None))).IsForbidden.ShouldBeTrue();
        await _time.AdvanceUntilAsync(Wait.UntilAsync(() => _informer.Get("a", "x")!.Spec.Color == "blue"));
    }

    [Fact]
    public async Task One_object_is_read_anew_when_it_is_asked_to()
    {
        var (now, asked) = ((Widget?)Widget.Of("x", "blue", "12"), _server.Answer);
        _server.Answer = (a, context) => a.Target.EndsWith("/x", StringComparison.Ordinal)
            ? now is null ? context.Answer(404, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"none","code":404}""") : context.Answer(200, now.Json())
            : asked(a, context);
        await StartAsync("10", Widget.Of("x", "red", "3"));
        await _informer.RefreshAsync("a", "x", CancellationToken.None);
        _informer.Get("a", "x")!.Spec.Color.ShouldBe("blue");
        // Older than what is known.
        now = Widget.Of("x", "red", "3");
        await _informer.RefreshAsync("a", "x", CancellationToken.None);
        _informer.Get("a", "x")!.Spec.Color.ShouldBe("blue");
        now = null;
        await _informer.RefreshAsync("a", "x", CancellationToken.None);
        await _informer.RefreshAsync("a", "x", CancellationToken.None);
        _informer.Get("a", "x").ShouldBeNull();
        // Another namespace is none of its own.
        await _informer.RefreshAsync("b", "x", CancellationToken.None);
        Told().ShouldBe(["Added x >red", "Modified x red>blue", "Deleted x blue>blue"]);
    }

    [Fact]
    public async Task What_it_does_not_know_is_kept_and_what_it_gives_is_the_askers_own()
    {
        var unknown = Widget.Of("x", "red", "3") with
        {
            Unknown = new Dictionary<string, JsonElement> { ["status"] = JsonElement.Parse("""{"é":[1.50,null,"\u2028"]}""") },
            Spec = new WidgetSpec { Color = "red", Unknown = new Dictionary<string, JsonElement> { ["size"] = JsonElement.Parse("18446744073709551617") } },
        };
        await StartAsync("10", unknown);

        _informer.Get("a", "x")!.Json().ShouldBe(unknown.Json());
        _informer.ByIndex("color", "red").Single().Json().ShouldBe(unknown.Json());
        _informer.CountByIndex("color", "red").ShouldBe(1);
        _informer.CountByIndex("color", "blue").ShouldBe(0);
        _informer.Get("a", "x")!.Unknown!.Clear();
        _informer.List().Single().Json().ShouldBe(unknown.Json());
    }

    [Fact]
    public async Task An_index_has_as_many_of_a_key_as_there_are()
    {
        await StartAsync("10", Widget.Of("x", "red", "1"), Widget.Of("y", "red", "2"), Widget.Of("z", "red", "3"));
        string?[] Red() => [.. _informer.ByIndex("color", "red").Select(static w => w.Metadata.Name)];
        Red().ShouldBe(["x", "y", "z"], ignoreOrder: true);
        Send("DELETED", Widget.Of("x", "red", "11"));
        Send("MODIFIED", Widget.Of("y", "blue", "12"));
        await Wait.UntilAsync(() => Told().Length == 5);
        Red().ShouldBe(["z"]);
        Send("MODIFIED", Widget.Of("y", "red", "13"));
        Send("DELETED", Widget.Of("z", "red", "14"));
        await Wait.UntilAsync(() => Told().Length == 7);
        Red().ShouldBe(["y"]);
    }

    [Fact]
    public async Task A_watch_that_ends_or_breaks_goes_on_behind_its_last_word()
    {
        _watches.Enqueue(static async context =>
        {
            await context.Send(Widget.Event("ADDED", Widget.Of("y", version: "11")) + "\n" + Widget.Bookmark("20"));
        });
        _watches.Enqueue(static async context =>
        {
            await context.Send(Widget.Event("MODIFIED", Widget.Of("y", "blue", "21")));
            await context.Response.WriteAsync("{\"type\":");
            await context.Response.Body.FlushAsync();
        });
        _watches.Enqueue(static context => context.Fail(500, "InternalError"));
        await StartAsync("10", Widget.Of("x", version: "3"));
        await Wait.UntilAsync(_time, () => Watches.Length == 4);
        Watches.Select(static w => w.Split("resourceVersion=")[1].Split('&')[0]).ShouldBe(["10", "20", "21", "21"]);
        Watches.ShouldAllBe(static w => w.Contains("&allowWatchBookmarks=true&timeoutSeconds="));
        Told().ShouldBe(["Added x >red", "Added y >red", "Modified y red>blue"]);
        _server.Asked.Count.ShouldBe(5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_place_is_forgotten_it_lists_anew_and_tells_only_differences(bool asEvent)
    {
        _lists.Enqueue(static context => context.Answer(200, Widget.List("10", Widget.Of("x", version: "3"), Widget.Of("y", version: "4"), Widget.Of("z", version: "5"))));
        _watches.Enqueue(context => asEvent
            ? context.Send("""{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}""")
            : context.Fail(410, "Expired"));
        await StartAsync("30", Widget.Of("x", version: "3"), Widget.Of("y", "blue", "20"), Widget.Of("n", version: "25"));
        await Wait.UntilAsync(_time, () => Watches.Length == 2);
        Told().ShouldBe(["Added x >red", "Added y >red", "Added z >red", "Modified y red>blue", "Added n >red", "Deleted z red>red"]);
        Watches[1].ShouldContain("resourceVersion=30");
    }

    [Fact]
    public async Task A_server_that_closes_at_once_is_not_stormed()
    {
        for (var i = 0; i < 6; i++)
        {
            _watches.Enqueue(static context => context.Response.Body.FlushAsync());
        }

        await StartAsync("10");
        var before = _time.GetUtcNow();
        await Wait.UntilAsync(_time, () => Watches.Length == 7);
        (_time.GetUtcNow() - before).ShouldBeGreaterThan(TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task Who_is_forbidden_or_has_no_server_keeps_trying()
    {
        _lists.Enqueue(static context => context.Fail(403, "Forbidden"));
        _lists.Enqueue(static context => context.Fail(401, "Unauthorized"));
        _lists.Enqueue(static context => context.Answer(502, "<html>", "text/html"));
        _lists.Enqueue(static context => context.Answer(200, "{}"));
        _lists.Enqueue(static context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        _lists.Enqueue(static context => context.Answer(200, Widget.List("1", Widget.Of("x", version: "1"))));
        _run = _informer.RunAsync(_stop.Token);
        await Wait.UntilAsync(_time, () => _informer.Synced.IsCompleted);
        _informer.List().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_place_that_is_refused_again_and_again_is_given_up()
    {
        for (var i = 0; i < 3; i++)
        {
            _watches.Enqueue(static context => context.Fail(504, "Timeout", "Too large resource version"));
        }

        _lists.Enqueue(static context => context.Answer(200, Widget.List("1000", Widget.Of("x", "red", "900"))));
        // The server's data was restored: its counter is behind ours, and still it is right.
        await StartAsync("10", Widget.Of("x", "blue", "9"));
        await Wait.UntilAsync(_time, () => Watches.Length == 4);
        _informer.Get("a", "x")!.Spec.Color.ShouldBe("blue");
    }

    [Fact]
    public async Task Who_writes_reads_its_write_at_once_and_is_told_of_it_once()
    {
        await StartAsync("10", Widget.Of("x", "red", "3"));
        _informer.Observe(Widget.Of("x", "blue", "12"));
        _informer.Observe(Widget.Of("new", "blue", "13"));
        _informer.Get("a", "x")!.Spec.Color.ShouldBe("blue");
        _informer.ByIndex("color", "blue").Count.ShouldBe(2);

        // What the watch tells then is older, the same, newer.
        Send("MODIFIED", Widget.Of("x", "green", "11"));
        Send("MODIFIED", Widget.Of("x", "blue", "12"));
        Send("ADDED", Widget.Of("new", "blue", "13"));
        Send("MODIFIED", Widget.Of("x", "white", "14"));
        await Wait.UntilAsync(() => Told().Length == 4);
        Told().ShouldBe(["Added x >red", "Modified x red>blue", "Added new >blue", "Modified x blue>white"]);
    }

    [Fact]
    public async Task An_answer_that_comes_late_brings_nothing_back()
    {
        await StartAsync("10", Widget.Of("x", "red", "3"));
        Send("MODIFIED", Widget.Of("x", "blue", "12"));
        Send("DELETED", Widget.Of("x", "blue", "14"));
        await Wait.UntilAsync(() => Told().Length == 3);
        _informer.Observe(Widget.Of("x", "green", "13"));
        _informer.Observe(Widget.Of("x", "green", "opaque"));
        _informer.Observe(Widget.Of("x", "green", "20", ns: "other"));
        _informer.List().ShouldBeEmpty();

        // The deletion of an earlier life does not end the new one.
        _informer.Observe(Widget.Of("x", "green", "20", uid: "second"));
        Send("DELETED", Widget.Of("x", "blue", "15"));
        Send("ADDED", Widget.Of("y", "red", "21"));
        await Wait.UntilAsync(() => Told().Length == 5);
        _informer.Get("a", "x")!.Metadata.Uid.ShouldBe("second");
    }

    [Fact]
    public async Task What_is_written_while_a_list_is_on_its_way_stays()
    {
        _lists.Enqueue(static context => context.Answer(200, Widget.List("10", Widget.Of("x", "red", "3"))));
        _lists.Enqueue(context =>
        {
            _informer.Observe(Widget.Of("x", "blue", "31"));
            _informer.Observe(Widget.Of("new", "blue", "32"));
            _informer.Observe(Widget.Of("gone", "blue", "29"));
            return context.Answer(200, Widget.List("30", Widget.Of("x", "green", "20")));
        });
        _watches.Enqueue(static context => context.Fail(410, "Gone"));
        await StartAsync("40");
        await Wait.UntilAsync(_time, () => Watches.Length == 2);
        _informer.List().Select(static w => $"{w.Metadata.Name} {w.Spec.Color}").ShouldBe(["x blue", "new blue"], ignoreOrder: true);
    }

    [Fact]
    public async Task Pages_are_taken_as_they_come_and_what_only_a_void_one_had_goes_again()
    {
        static string Page(string version, Widget widget) =>
            $$"""{"metadata":{"resourceVersion":"{{version}}","continue":"more"},"items":[{{widget.Json()}}]}""";
        _lists.Enqueue(static context => context.Answer(200, Page("10", Widget.Of("x", version: "3"))));
        _lists.Enqueue(async context =>
        {
            await Wait.UntilAsync(() => Told().Length == 1);
            _informer.Synced.IsCompleted.ShouldBeFalse();
            await context.Fail(410, "Expired");
        });
        _lists.Enqueue(static context => context.Answer(200, Page("30", Widget.Of("y", version: "20"))));
        await StartAsync("30", Widget.Of("z", version: "21"));
        await Wait.UntilAsync(() => Told().Length == 4);
        Told().ShouldBe(["Added x >red", "Added y >red", "Added z >red", "Deleted x red>red"]);
        await Wait.UntilAsync(() => Watches is [var watch] && watch.Contains("resourceVersion=30", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_handler_may_throw_observe_and_read_and_none_is_told_in_the_middle_of_another()
    {
        var (depth, deepest) = (0, 0);
        _informer.Changed += e =>
        {
            deepest = Math.Max(deepest, ++depth);
            if (e.Object.Metadata.Name == "x")
            {
                _informer.Observe(Widget.Of("y", version: "11"));
                _informer.Get("a", "y").ShouldNotBeNull();
            }

            depth--;
            throw new InvalidOperationException("a bug");
        };
        await StartAsync("10");
        Send("ADDED", Widget.Of("x", version: "10"));
        await Wait.UntilAsync(() => Told().Length == 2);
        deepest.ShouldBe(1);
    }
}
