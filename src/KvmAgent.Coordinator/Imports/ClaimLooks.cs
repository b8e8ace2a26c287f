using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Imports;

/// <summary>How a controller of imports goes about it: what is there at first, and then what something has touched, is looked at whole.</summary>
/// <param name="kind">What the log calls the keys.</param>
/// <param name="workers">How many are looked at at once.</param>
internal sealed class ClaimLooks(string kind, int workers, TimeProvider time, LookLog log)
{
    /// <summary>When to look again where a refusal stands until somebody changes something, and no change of ours tells when.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    private static readonly WorkQueueOptions Retries = new() { MostDelay = TimeSpan.FromSeconds(30), RatePerSecond = 50, Burst = 500 };

    /// <summary>Until it leads no more.</summary>
    /// <param name="follow">Has its argument called with each key that is touched.</param>
    /// <param name="leave">Ends that.</param>
    /// <param name="synced">When the caches are filled.</param>
    /// <param name="first">What is there then.</param>
    /// <param name="look">May put keys into the queue again.</param>
    public async Task RunAsync(
        Action<Action<ClaimKey>> follow, Action<Action<ClaimKey>> leave, Task synced, Func<IEnumerable<ClaimKey>> first,
        Func<ClaimKey, WorkQueue<ClaimKey>, CancellationToken, Task> look, CancellationToken stop)
    {
        var queue = new WorkQueue<ClaimKey>(time, Retries, (key, e) => log.Failed($"{kind} {key.Namespace}/{key.Name}", e));
        Action<ClaimKey> add = key => queue.Add(key);
        follow(add);
        try
        {
            await synced.WaitAsync(stop).ConfigureAwait(false);
            foreach (var key in first())
            {
                queue.Add(key);
            }

            await queue.RunAsync(workers, (key, cancel) => look(key, queue, cancel), stop).ConfigureAwait(false);
        }
        finally
        {
            leave(add);
        }
    }
}
