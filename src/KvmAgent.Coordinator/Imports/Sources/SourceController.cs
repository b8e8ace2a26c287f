using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <summary>Says of DataSources what they come to, and whether that can be cloned. Runs in the leader alone.</summary>
internal sealed class SourceController(KubernetesClient client, ImportCache cache, TimeProvider time, ILogger<SourceController> log)
{
    private const int Workers = 2;

    private readonly ClaimLooks _looks = new("DataSource", Workers, time, new LookLog(log));
    private readonly StatusWriter<DataSource, DataSourceStatus> _status = new(client, Kinds.DataSources, ApiJson.Default.DataSourceStatus, static s => s.Status);

    /// <summary>Until it leads no more.</summary>
    public Task RunAsync(CancellationToken stop) => _looks.RunAsync(
        add => cache.Sources.Touched += add, add => cache.Sources.Touched -= add, cache.Synced,
        () => cache.Sources.Sources.List().Select(ClaimKey.Of),
        (key, _, cancel) => LookAsync(key, cancel), stop);

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
