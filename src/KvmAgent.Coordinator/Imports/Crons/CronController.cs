using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>Looks at images by schedules and imports what is new: does what <see cref="CronDecision"/> says. Runs in the leader alone.</summary>
internal sealed class CronController(
    KubernetesClient client, ImportCache cache, ImporterTurns turns, EventRecorder events, MachineOptions machines, TimeProvider time, ILogger<CronController> log)
{
    private const int Workers = 2;

    private readonly ClaimLooks _looks = new("DataImportCron", Workers, time, new LookLog(log));
    private readonly StatusWriter<DataImportCron, DataImportCronStatus> _status = new(client, Kinds.DataImportCrons, ApiJson.Default.DataImportCronStatus, static c => c.Status);

    /// <summary>Until it leads no more.</summary>
    public Task RunAsync(CancellationToken stop) => events.WriteWhileAsync(_looks.RunAsync(
        add => cache.CronTouched += add, add => cache.CronTouched -= add, cache.Synced,
        () => cache.Crons.List().Select(ClaimKey.Of),
        LookAsync, stop));

    private async Task LookAsync(ClaimKey key, WorkQueue<ClaimKey> queue, CancellationToken cancel)
    {
        if (cache.Crons.Get(key.Namespace, key.Name) is not { } cron)
        {
            return;
        }

        var view = View(cron);
        var plan = CronDecision.Decide(view);
        try
        {
            foreach (var step in plan.Steps)
            {
                cron = await DoAsync(cron, step, cancel).ConfigureAwait(false);
            }
        }
        catch (KubernetesException e) when (e.IsRefused)
        {
            // A quota or a policy, or a template that makes no volume: somebody must change it.
            plan = CronDecision.Refused(view, e.Status.Reason ?? "FailedCreate", e.Message);
            queue.AddAfter(key, ClaimLooks.Retry);
        }

        if (await _status.WriteAsync(cron, plan.Status, cancel).ConfigureAwait(false) is { } written)
        {
            cache.Crons.Observe(Slim.Cron(written));
            foreach (var told in plan.Events)
            {
                events.Record(Kinds.DataImportCrons, cron, told);
            }
        }

        if (plan.Again is { } again)
        {
            queue.AddAfter(key, again);
        }
    }

    private CronView View(DataImportCron cron)
    {
        var (ns, name) = (cron.Metadata.Namespace!, cron.Metadata.Name!);
        List<DataVolume> volumes = [.. cache.VolumesOf(new ClaimKey(ns, name))];
        if (cron.Spec is not null && cron.Metadata.Annotation(CronImports.Digest) is { } digest
            && cache.Volumes.Get(ns, CronImports.VolumeName(cron, digest)) is { } named && !volumes.Contains(named))
        {
            volumes.Add(named);
        }

        var source = cron.Spec is null ? null : cache.Sources.Sources.Get(ns, cron.Spec.ManagedDataSource);
        return new CronView(cron, volumes, source, cache.Pods.Get(ns, CronImports.PodName(cron)), time.GetUtcNow());
    }

    /// <returns>The cron as it is then.</returns>
    private async Task<DataImportCron> DoAsync(DataImportCron cron, CronStep step, CancellationToken cancel)
    {
        switch (step)
        {
            case CronStep.Poll(var request):
                await turns.TakeAsync(
                    async () =>
                    {
                        var pod = ImporterPod.Inspector(CronImports.PodName(cron), cron.Metadata, Kinds.DataImportCrons.OwnerOf(cron), request, machines, turns.Options);
                        await turns.CreateAsync(pod, cancel).ConfigureAwait(false);
                        return true;
                    },
                    false,
                    cancel).ConfigureAwait(false);
                break;
            case CronStep.DeletePod(var pod):
                await turns.DeleteAsync(pod, cancel).ConfigureAwait(false);
                break;
            case CronStep.Annotate(var annotations):
                cron = Slim.Cron(await PatchAsync(Kinds.DataImportCrons, cron, "annotations", annotations.DeepClone(), cancel).ConfigureAwait(false));
                cache.Crons.Observe(cron);
                break;
            case CronStep.Import(var volume):
                cache.Volumes.Observe(Slim.Volume(await client.CreateOrFindAsync(Kinds.DataVolumes, volume, cancel).ConfigureAwait(false)));
                break;
            case CronStep.Delete(var volume):
                await client.DeleteIfThereAsync(
                    Kinds.DataVolumes, volume.Metadata.Namespace, volume.Metadata.Name!, new DeleteOptions { Uid = volume.Metadata.Uid }, cancel).ConfigureAwait(false);
                break;
            case CronStep.CreateSource(var source):
                cache.Sources.Sources.Observe(Slim.Source(await client.CreateOrFindAsync(Kinds.DataSources, source, cancel).ConfigureAwait(false)));
                break;
            case CronStep.PointSource(var source, var claim):
                var patch = new JsonObject
                {
                    ["metadata"] = new JsonObject { ["uid"] = source.Metadata.Uid },
                    ["spec"] = new JsonObject
                    {
                        ["source"] = new JsonObject { ["pvc"] = JsonSerializer.SerializeToNode(claim, ApiJson.Default.SourceObject), ["snapshot"] = null, ["dataSource"] = null },
                    },
                };
                cache.Sources.Sources.Observe(Slim.Source(
                    await client.MergePatchAsync(Kinds.DataSources, source.Metadata.Namespace, source.Metadata.Name!, patch, null, cancel).ConfigureAwait(false)));
                break;
            case CronStep.OwnVolume(var volume, var owners):
                cache.Volumes.Observe(Slim.Volume(await PatchAsync(Kinds.DataVolumes, volume, "ownerReferences", References(owners), cancel).ConfigureAwait(false)));
                break;
            case CronStep.OwnSource(var source, var owners):
                cache.Sources.Sources.Observe(Slim.Source(await PatchAsync(Kinds.DataSources, source, "ownerReferences", References(owners), cancel).ConfigureAwait(false)));
                break;
        }

        return cron;
    }

    private static JsonArray References(IReadOnlyList<OwnerReference> owners) => new([.. owners.Select(static o => JsonSerializer.SerializeToNode(o, ApiJson.Default.OwnerReference))]);

    private Task<T> PatchAsync<T>(ResourceKind<T> kind, T obj, string field, JsonNode value, CancellationToken cancel)
        where T : class, IKubernetesObject
    {
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = obj.Metadata.Uid, [field] = value } };
        return client.MergePatchAsync(kind, obj.Metadata.Namespace, obj.Metadata.Name!, patch, null, cancel);
    }
}
