using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Http;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class FaultTests : ServerTest
{
    [Theory]
    [InlineData(409, "Conflict")]
    [InlineData(429, "TooManyRequests")]
    [InlineData(500, "InternalError")]
    [InlineData(503, "ServiceUnavailable")]
    public async Task The_nth_matching_request_is_answered_so(int status, string reason)
    {
        Server.Faults.Add(IsPost, new Fault { Status = status, RetryAfterSeconds = 3 }, skip: 1);
        (await Client.PostAsync(Maps, Map("a"))).Code.ShouldBe(201);
        var (code, answer) = await Client.PostAsync(Maps, Map("b"));
        (code, answer.Reason(), answer["details"]!["retryAfterSeconds"]!.GetValue<int>()).ShouldBe((status, reason, 3));
        (await Client.PostAsync(Maps, Map("b"))).Code.ShouldBe(201);
    }

    [Theory]
    [InlineData(Drop.Before, 0)]
    [InlineData(Drop.After, 1)]
    public async Task A_dropped_connection_leaves_the_client_in_doubt(Drop drop, int left)
    {
        Server.Faults.Add(IsPost, new Fault { Drop = drop });
        await Should.ThrowAsync<HttpRequestException>(() => Client.PostAsync(Maps, Map("a")));
        Server.Count("", "configmaps").ShouldBe(left);
        Server.Requests.All[^1].StatusCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_hook_sees_each_request_and_can_hold_it()
    {
        var gate = new TaskCompletionSource();
        Server.Faults.OnRequest = request => IsPost(request) ? new Fault { Until = gate.Task } : null;
        var held = Client.PostAsync(Maps, Map("a"));
        (await Client.GetAsync(Maps)).Body.Names().ShouldBeEmpty();
        gate.SetResult();
        (await held).Code.ShouldBe(201);
    }

    [Fact]
    public async Task A_server_that_is_down_breaks_watches_and_serves_nothing_until_it_is_up()
    {
        using var watch = await Client.WatchAsync(Maps);
        Server.Faults.Down();
        await Should.ThrowAsync<Exception>(watch.NextAsync);
        await Should.ThrowAsync<HttpRequestException>(() => Client.GetAsync(Maps));
        Server.Faults.Up();
        (await Client.GetAsync(Maps)).Code.ShouldBe(200);
    }

    [Fact]
    public async Task A_skewed_clock_shows_in_timestamps_and_the_date()
    {
        Server.Faults.ClockSkew = TimeSpan.FromDays(400);
        using var response = await Client.Http.GetAsync(Maps);
        (response.Headers.Date!.Value - TimeProvider.System.GetUtcNow()).TotalDays.ShouldBe(400, 1);
        var (_, map) = await Client.PostAsync(Maps, Map("a"));
        (DateTimeOffset.Parse(map["metadata"]!["creationTimestamp"]!.GetValue<string>(), null) - TimeProvider.System.GetUtcNow()).TotalDays.ShouldBe(400, 1);
    }

    [Fact]
    public async Task Writes_are_counted_by_kind_and_verb_with_status_apart()
    {
        await Client.PostAsync(Pods, Pod("p"));
        await Client.PatchAsync($"{Pods}/p", Client.Merge, """{"metadata":{"labels":{"a":"1"}}}""");
        await Client.PatchAsync($"{Pods}/p/status", Client.Merge, """{"status":{"phase":"Running"}}""");
        await Client.DeleteAsync($"{Pods}/p");
        await Client.DeleteAsync($"{Pods}/p");
        await Client.GetAsync(Pods);
        Server.Requests.Writes("", "pods").ShouldBe(new WriteCounts(1, 0, 1, 2, 0, 1, 1));
        Server.Requests.Writes("", "pods", "someone").All.ShouldBe(0);
        var patch = Server.Requests.All.First(static r => r.Verb == "patch");
        (patch.ContentType, patch.User, patch.StatusCode, patch.Name).ShouldBe((Client.Merge, TestApiServer.AdminUser, 200, "p"));
    }

    private static bool IsPost(HttpRequest request) => request.Method == "POST";
}
