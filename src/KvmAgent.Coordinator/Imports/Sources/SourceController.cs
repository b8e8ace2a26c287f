using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <summary>Says of DataSources what they come to, and whether that can be cloned. Runs in the leader alone.</summary>
internal sealed class SourceController(KubernetesClient client, ImportCache cache, TimeProvider time, ILogger<SourceController> log)
{
    private const int Workers = 2;

    /// <summary>How often it is looked whether a snapshot is there still.</summary>
    private static readonly TimeSpan SnapshotLooks = TimeSpan.FromMinutes(1);

    private readonly ClaimLooks _looks = new("DataSource", Workers, time, new LookLog(log));
    private readonly StatusWriter<DataSource, DataSourceStatus> _status = new(client, Kinds.DataSources, ApiJson.Default.DataSourceStatus, static s => s.Status);

    /// <summary>Until it leads no more.</summary>
    public Task RunAsync(CancellationToken stop) => _looks.RunAsync(
        add => cache.Sources.Touched += add, add => cache.Sources.Touched -= add, cache.Synced,
        () => cache.Sources.Sources.List().Select(ClaimKey.Of),
        LookAsync, stop);

    private async Task<VolumeSnapshot?> FindAsync(SourceObject snapshot, CancellationToken cancel)
    {
        try
        {
            return await client.FindAsync(CoreKinds.VolumeSnapshots, snapshot.Namespace, snapshot.Name, cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsKindUnknown || e.IsForbidden)
        {
            // Of a kind that the cluster has not, or in a namespace that is not looked at: not to be seen, as a claim would not be.
            return null;
        }
    }

    private async Task LookAsync(ClaimKey key, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (cache.Sources.Sources.Get(key.Namespace, key.Name) is not { Metadata.DeletionTimestamp: null } source)
        {
            return;
        }

        var resolved = cache.Sources.Resolve(key.Namespace, key.Name);
        var pvc = resolved.Source?.Pvc;
        var view = new SourceView(
            source, resolved, pvc is null ? null : cache.Claims.Get(pvc.Namespace, pvc.Name), pvc is null ? null : cache.Volumes.Get(pvc.Namespace, pvc.Name), time.GetUtcNow())
        {
            Snapshot = resolved.Source?.Snapshot is { } snapshot ? await FindAsync(snapshot, cancel).ConfigureAwait(false) : null,
        };
        if (resolved.Source?.Snapshot is not null)
        {
            // Not each cluster has snapshots: so they are not watched.
            queue.AddAfter(key, view.Snapshot?.Status?.ReadyToUse == true ? SnapshotLooks : ClaimLooks.Retry);
        }

        if (await _status.WriteAsync(source, SourceDecision.Decide(view), cancel).ConfigureAwait(false) is { } written)
        {
            cache.Sources.Sources.Observe(Slim.Source(written));
        }
    }
}
