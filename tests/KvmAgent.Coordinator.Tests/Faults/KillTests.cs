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
    public async Task A_coordinator_that_dies_at_any_write_is_followed_by_one_that_goes_on(Drop drop)
    {
        var died = true;
        for (var k = 1; died; k++)
        {
            k.ShouldBeLessThan(MoreThanAll, "a machine's life has no end of writes");
            died = await LiveAsync(k, drop);
        }
    }

    /// <returns>Whether there was a k-th write.</returns>
    private static async Task<bool> LiveAsync(int k, Drop drop)
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
            cluster.Apply("web");
            await cluster.RunningAsync("web");
            var before = cluster.Uid("web");
            await cluster.RestartAsync("web");
            await cluster.RunningAsync("web", before);
            cluster.Strategy("web", "Halted");
            await cluster.StoppedAsync("web");
            cluster.Delete("web");
            await cluster.GoneAsync("web");
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
