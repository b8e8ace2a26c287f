using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>Several coordinators at once: none may harm what another does.</summary>
public sealed class ReplicaTests
{
    [Fact]
    public async Task Two_leaders_at_once_make_one_pod_for_each_machine()
    {
        await using var cluster = await FaultCluster.StartAsync();
        cluster.Replicate("one");
        cluster.Replicate("two");
        string[] names = [.. Enumerable.Range(0, 8).Select(static n => $"web-{n}")];
        foreach (var name in names)
        {
            cluster.Apply(name);
        }

        await Task.WhenAll(names.Select(name => cluster.RunningAsync(name)));
        var before = names.ToDictionary(static n => n, cluster.Uid);
        await Task.WhenAll(names.Select(cluster.RestartAsync));
        await Task.WhenAll(names.Select(name => cluster.RunningAsync(name, before[name])));
        foreach (var name in names)
        {
            cluster.Strategy(name, "Halted");
        }

        await Task.WhenAll(names.Select(cluster.StoppedAsync));
        foreach (var name in names)
        {
            cluster.Delete(name);
        }

        await Task.WhenAll(names.Select(cluster.GoneAsync));
    }

    /// <summary>Its watches broke before the former leader made the pod, and recorded it.</summary>
    [Theory]
    [InlineData("pods")]
    [InlineData("virtualmachineinstances")]
    public async Task A_new_leader_that_has_not_seen_everything_leaves_a_running_machine_alone(string unseen)
    {
        await using var cluster = await FaultCluster.StartAsync();
        var create = new TaskCompletionSource();
        var blind = false;
        cluster.Server.Faults.OnRequest = request =>
            request.Headers.Authorization == "Bearer one" && HttpMethods.IsPost(request.Method) && request.Path.Value!.EndsWith("/pods", StringComparison.Ordinal) ? new Fault { Until = create.Task }
            : blind && request.Headers.Authorization == "Bearer two" && HttpMethods.IsGet(request.Method) && request.Path.Value!.EndsWith($"/{unseen}", StringComparison.Ordinal) ? new Fault { Status = 500 }
            : null;
        var one = cluster.Replicate("one");
        var two = cluster.Replicate("two", leads: false);
        cluster.Apply("web");
        await cluster.UntilAsync(() => two.Cache.Instances.List().Count() == 1, "the second sees the instance");
        blind = true;
        cluster.Server.Faults.CloseWatches();
        create.SetResult();
        await cluster.RunningAsync("web");
        var (instance, pod) = (cluster.Uid("web"), cluster.PodOf("web").Uid);

        await one.DisposeAsync();
        two.Lead();

        // It doubts what it sees, and looks.
        await cluster.UntilAsync(
            () => cluster.Server.Requests.All.Any(static r => r is { User: "two", Verb: "get" }) || cluster.Uid("web") != instance || cluster.PodOf("web").Uid != pod, "the second looks");
        blind = false;
        cluster.Server.Faults.CloseWatches();
        cluster.Apply("other");
        await cluster.RunningAsync("other");
        await cluster.RunningAsync("web");
        (cluster.Uid("web"), cluster.PodOf("web").Uid).ShouldBe((instance, pod));
    }
}
