using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.History;

/// <summary>
/// The cluster's Events of machines, their instances and their pods, on their way into the history: all that the cluster still has, then each that
/// comes. Nothing is kept here, and what is written already is found to be by the writer; so whatever fails, it begins anew.
/// </summary>
internal sealed partial class ClusterEvents(KubernetesClient client, MachineCache machines, IReadOnlyList<string>? namespaces, HistoryWriter writer, TimeProvider time, ILogger<ClusterEvents> log)
{
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1), MostAgain = TimeSpan.FromSeconds(60);

    /// <summary>Until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        // Pods say which machine's they are.
        await machines.Synced.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll((namespaces ?? [null!]).Distinct().SelectMany(ns => ClusterEvent.ObjectKinds.Select(kind => RunAsync(ns, $"involvedObject.kind={kind}", stop)))).ConfigureAwait(false);
    }

    /// <param name="ns">Null: of all namespaces.</param>
    private async Task RunAsync(string? ns, string fields, CancellationToken stop)
    {
        var pause = Again;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var version = await ListAsync(ns, fields, stop).ConfigureAwait(false);
                while (true)
                {
                    version = await WatchAsync(ns, fields, version, stop).ConfigureAwait(false);
                    pause = Again;
                }
            }
            catch (OperationCanceledException)
            {
                // Stopped, or somebody else writes.
                return;
            }
            catch (KubernetesException e) when (e.IsGone)
            {
                // The server has forgotten where it was.
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or CoordinatorException)
            {
                LogFailed(fields, e.Message, pause.TotalSeconds);
            }

            await Task.Delay(pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < MostAgain ? pause * 2 : MostAgain;
        }
    }

    private async Task<string?> ListAsync(string? ns, string fields, CancellationToken stop)
    {
        var found = new List<ClusterEvent>();
        var list = await client.ListPagesAsync(CoreKinds.Events, ns, new ListOptions { FieldSelector = fields }, (page, isFirst) =>
        {
            if (isFirst)
            {
                found.Clear();
            }

            found.AddRange(page.Items.Select(Of).OfType<ClusterEvent>());
        }, stop).ConfigureAwait(false);
        if (found.Count > 0)
        {
            await writer.AddAsync(found, stop).ConfigureAwait(false);
        }

        return list.ResourceVersion;
    }

    /// <returns>How far it came.</returns>
    private async Task<string?> WatchAsync(string? ns, string fields, string? version, CancellationToken stop)
    {
        var options = new WatchOptions { ResourceVersion = version, FieldSelector = fields, AllowBookmarks = true, TimeoutSeconds = Random.Shared.Next(300, 600) };
        await foreach (var e in client.WatchAsync(CoreKinds.Events, ns, options, stop).ConfigureAwait(false))
        {
            if (e is { Type: WatchEventType.Added or WatchEventType.Modified, Object: { } told } && Of(told) is { } found)
            {
                await writer.AddAsync([found], stop).ConfigureAwait(false);
            }

            version = e.ResourceVersion ?? version;
        }

        return version;
    }

    private ClusterEvent? Of(Event e) => ClusterEvent.Of(e, (ns, name) => machines.Pods.Get(ns, name) ?? machines.Linked.Get(ns, name), time.GetUtcNow());

    [LoggerMessage(Level = LogLevel.Warning, Message = "the cluster's Events ({Fields}) are not written down now: {Error}; again in {Pause} s")]
    private partial void LogFailed(string fields, string error, double pause);
}
