using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <summary>Says of DataSources what they come to, and whether that can be cloned. Runs in the leader alone.</summary>
internal sealed class SourceController(KubernetesClient client, ImportCache cache, TimeProvider time, ILogger<SourceController> log)
{
    private const int Workers = 2;
    private static readonly WorkQueueOptions Retries = new() { MostDelay = TimeSpan.FromSeconds(30), RatePerSecond = 50, Burst = 500 };

    private readonly LookLog _log = new(log);
    private readonly StatusWriter<DataSource, DataSourceStatus> _status = new(client, Kinds.DataSources, ApiJson.Default.DataSourceStatus, static s => s.Status);

    /// <summary>Until it leads no more.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var queue = new WorkQueue<ClaimKey>(time, Retries, (key, e) => _log.Failed($"DataSource {key.Namespace}/{key.Name}", e));
        void Add(ClaimKey key) => queue.Add(key);
        cache.Sources.Touched += Add;
        try
        {
            await cache.Synced.WaitAsync(stop).ConfigureAwait(false);
            foreach (var source in cache.Sources.Sources.List())
            {
                queue.Add(new ClaimKey(source.Metadata.Namespace!, source.Metadata.Name!));
            }

            await queue.RunAsync(Workers, LookAsync, stop).ConfigureAwait(false);
        }
        finally
        {
            cache.Sources.Touched -= Add;
        }
    }

    private async Task LookAsync(ClaimKey key, CancellationToken cancel)
    {
        if (cache.Sources.Sources.Get(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } source)
        {
            return;
        }

        var resolved = cache.Sources.Resolve(key.Namespace, key.Name);
        var pvc = resolved.Source?.Pvc;
        var view = new SourceView(
            source, resolved, pvc is null ? null : cache.Claims.Get(pvc.Namespace, pvc.Name), pvc is null ? null : cache.Volumes.Get(pvc.Namespace, pvc.Name), time.GetUtcNow());
        if (await _status.WriteAsync(source, SourceDecision.Decide(view), cancel).ConfigureAwait(false) is { } written)
        {
            cache.Sources.Sources.Observe(Slim.Source(written));
        }
    }
}
