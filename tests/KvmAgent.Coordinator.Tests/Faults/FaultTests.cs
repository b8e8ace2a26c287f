using System.Text.Json.Nodes;
using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>The whole coordinator, with agents over real links, while the API server misbehaves.</summary>
public sealed class FaultTests
{
    /// <summary>By a clock that runs ten times as fast.</summary>
    private const int Speed = 10;

    [Fact]
    public async Task An_API_server_that_is_away_for_minutes_disturbs_no_machine_and_loses_no_change()
    {
        await using var cluster = await FaultCluster.StartAsync(new FastTime(Speed));
        await cluster.CoordinateAsync();
        cluster.Apply("stays");
        cluster.Apply("ends");
        cluster.Apply("asked", "Halted");
        await cluster.RunningAsync("stays");
        await cluster.RunningAsync("ends");
        var (stays, ends) = (cluster.Uid("stays"), cluster.Uid("ends"));

        cluster.Server.Faults.Down();
        // In the server's own memory all goes on: what people and nodes did is there when it is back.
        cluster.PodOf("ends").End(0);
        cluster.Strategy("asked", "Always");
        cluster.Apply("new");
        await Task.Delay(TimeSpan.FromMinutes(2) / Speed, TimeProvider.System);
        cluster.Uid("stays").ShouldBe(stays);
        cluster.Node.IsRunning("shop/stays").ShouldBeTrue();
        cluster.Server.Faults.Up();

        await cluster.RunningAsync("ends", ends);
        await cluster.RunningAsync("asked");
        await cluster.RunningAsync("new");
        await cluster.RunningAsync("stays");
        cluster.Uid("stays").ShouldBe(stays);
        await EndAsync(cluster, "stays", "ends", "asked", "new");
    }

    [Fact]
    public async Task Writes_that_fail_in_numbers_only_delay()
    {
        await using var cluster = await FaultCluster.StartAsync();
        await cluster.CoordinateAsync();
        // At random, and the same each time: any pattern would hit the same write of each try again.
        var random = new Random(4);
        var (gate, writes) = (new Lock(), 0);
        Fault?[] faults =
        [
            new() { Status = 409 }, new() { Status = 500 }, new() { Status = 429 }, new() { Status = 503 }, new() { Drop = Drop.Before }, new() { Drop = Drop.After },
            null, null, null, null, null, null,
        ];
        cluster.Server.Faults.OnRequest = request =>
        {
            if (!IsByCoordinator(request) || HttpMethods.IsGet(request.Method))
            {
                return null;
            }

            lock (gate)
            {
                writes++;
                return faults[random.Next(faults.Length)];
            }
        };
        await LiveAsync(cluster);
        writes.ShouldBeGreaterThan(30);
    }

    [Fact]
    public async Task Conflicts_of_a_third_of_all_writes_and_slow_answers_only_delay()
    {
        await using var cluster = await FaultCluster.StartAsync();
        await cluster.CoordinateAsync();
        cluster.Server.Faults.OnRequest = request => !IsByCoordinator(request) || HttpMethods.IsGet(request.Method) ? null
            : Random.Shared.Next(3) == 0 ? new Fault { Status = 409 }
            : new Fault { Delay = TimeSpan.FromMilliseconds(Random.Shared.Next(100)) };
        await LiveAsync(cluster);
    }

    [Theory]
    [InlineData("close")]
    [InlineData("expire")]
    [InlineData("compact")]
    public async Task Watches_that_end_all_the_time_only_delay(string how)
    {
        await using var cluster = await FaultCluster.StartAsync();
        await cluster.CoordinateAsync();
        using var stop = new CancellationTokenSource();
        var storm = StormAsync();
        try
        {
            await LiveAsync(cluster);
        }
        finally
        {
            await stop.CancelAsync();
            await storm;
        }

        async Task StormAsync()
        {
            var every = TimeSpan.FromSeconds(how == "close" ? 1 : 0.5);
            while (!stop.IsCancellationRequested)
            {
                if (how == "close")
                {
                    cluster.Server.Faults.CloseWatches();
                }
                else if (how == "expire")
                {
                    cluster.Server.Faults.ExpireWatches();
                }
                else
                {
                    cluster.Server.Faults.CompactHistory();
                    cluster.Server.Faults.CloseWatches();
                }

                await Task.Delay(every, TimeProvider.System, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [Theory]
    [InlineData(-10)]
    [InlineData(10)]
    public async Task A_clock_that_is_ten_minutes_off_does_no_harm(int minutes)
    {
        await using var cluster = await FaultCluster.StartAsync();
        cluster.Server.Faults.ClockSkew = TimeSpan.FromMinutes(minutes);
        await cluster.CoordinateAsync();
        await LiveAsync(cluster);
    }

    [Theory]
    [InlineData(403, "Forbidden")]
    [InlineData(422, "FailedCreate")]
    public async Task A_pod_that_the_server_refuses_is_told_and_runs_once_it_is_allowed(int status, string reason)
    {
        await using var cluster = await FaultCluster.StartAsync(new FastTime(Speed));
        await cluster.CoordinateAsync();
        var refused = true;
        cluster.Server.Faults.OnRequest = request =>
            refused && HttpMethods.IsPost(request.Method) && request.Path.Value!.EndsWith("/pods", StringComparison.Ordinal) ? new Fault { Status = status } : null;
        cluster.Apply("web");
        await cluster.UntilAsync(
            () => (string?)FaultCluster.Condition(cluster.Instance("web"), "Synchronized")?["reason"] == reason
                && (string?)FaultCluster.Condition(cluster.Machine("web"), "Failure")?["reason"] == reason,
            () => $"the refusal is not told: {cluster.Instance("web")?["status"]} {cluster.Machine("web")?["status"]}");
        cluster.Pods("web").ShouldBeEmpty();
        ((string?)cluster.Instance("web")!["status"]!["phase"]).ShouldBe("Pending");
        await cluster.UntilAsync(() => Events(cluster).Count(static e => (string?)e["reason"] == "FailedCreate") == 1, "there is one Event");

        refused = false;
        await cluster.RunningAsync("web");
        FaultCluster.Condition(cluster.Machine("web"), "Failure").ShouldBeNull();
        await EndAsync(cluster, "web");
    }

    private static async Task LiveAsync(FaultCluster cluster)
    {
        string[] names = ["web", "db"];
        foreach (var name in names)
        {
            cluster.Apply(name);
        }

        foreach (var name in names)
        {
            await cluster.RunningAsync(name);
        }

        var before = cluster.Uid("web");
        await cluster.RestartAsync("web");
        await cluster.RunningAsync("web", before);
        var db = cluster.Uid("db");
        cluster.PodOf("db").End(0);
        await cluster.RunningAsync("db", db);
        await EndAsync(cluster, names);
    }

    private static async Task EndAsync(FaultCluster cluster, params string[] names)
    {
        foreach (var name in names)
        {
            cluster.Strategy(name, "Halted");
        }

        foreach (var name in names)
        {
            await cluster.StoppedAsync(name);
            cluster.Delete(name);
        }

        foreach (var name in names)
        {
            await cluster.GoneAsync(name);
        }
    }

    private static IEnumerable<JsonObject> Events(FaultCluster cluster) => cluster.Server.All("", "events", FaultCluster.Namespace);

    private static bool IsByCoordinator(HttpRequest request) => request.Headers.Authorization == "Bearer coordinator";
}
