using KvmAgent.TestSupport.Api;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.Faults;

/// <summary>A coordinator may die between any two of its writes: the next one goes on, whether or not the last write took effect.</summary>
public sealed class KillTests
{
    private const int MoreThanAll = 100;

    [Theory]
    [InlineData(Drop.Before)]
    [InlineData(Drop.After)]
    public Task A_coordinator_that_dies_at_any_write_is_followed_by_one_that_goes_on(Drop drop) => DieAtAnyAsync(drop, static async cluster =>
    {
        cluster.Apply("web");
        await cluster.RunningAsync("web");
        var before = cluster.Uid("web");
        await cluster.RestartAsync("web");
        await cluster.RunningAsync("web", before);
        cluster.Strategy("web", "Halted");
        await cluster.StoppedAsync("web");
        cluster.Delete("web");
        await cluster.GoneAsync("web");
    });

    [Theory]
    [InlineData(Drop.Before)]
    [InlineData(Drop.After)]
    public Task Also_where_a_pod_of_others_is_shown(Drop drop) => DieAtAnyAsync(drop, static async cluster =>
    {
        await cluster.ShownAsync("web", cluster.CreateLinkedPod("web"));
        cluster.Server.Delete("", "pods", FaultCluster.Namespace, "web");
        await cluster.UntilAsync(() => cluster.Instance("web") is null, "the instance is gone");
    });

    private static async Task DieAtAnyAsync(Drop drop, Func<FaultCluster, Task> life)
    {
        var died = true;
        for (var k = 1; died; k++)
        {
            k.ShouldBeLessThan(MoreThanAll, "a machine's life has no end of writes");
            died = await LiveAsync(k, drop, life);
        }
    }

    /// <returns>Whether there was a k-th write.</returns>
    private static async Task<bool> LiveAsync(int k, Drop drop, Func<FaultCluster, Task> life)
    {
        await using var cluster = await FaultCluster.StartAsync();
        var killed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var writes = 0;
        cluster.Server.Faults.OnRequest = request =>
        {
            if (request.Headers.Authorization != "Bearer first")
            {
                return null;
            }

            if (killed.Task.IsCompleted)
            {
                return new Fault { Drop = Drop.Before };
            }

            if (HttpMethods.IsGet(request.Method) || Interlocked.Increment(ref writes) != k)
            {
                return null;
            }

            killed.SetResult();
            return new Fault { Drop = drop };
        };
        var first = cluster.Replicate("first");
        var follow = FollowAsync();
        try
        {
            await life(cluster);
            return killed.Task.IsCompleted;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"killed {drop} write {k}", e);
        }
        finally
        {
            killed.TrySetResult();
            await follow;
        }

        async Task FollowAsync()
        {
            await killed.Task;
            await first.DisposeAsync();
            cluster.Replicate("second");
        }
    }
}
