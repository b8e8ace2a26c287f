using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using KvmAgent.Kubernetes.Core;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports;

/// <summary>A claim and its importer.</summary>
internal readonly record struct ClaimKey(string Namespace, string Name)
{
    public static ClaimKey Of(PersistentVolumeClaim claim) => new(claim.Metadata.Namespace!, claim.Metadata.Name!);

    public override string ToString() => $"claim {Namespace}/{Name}";
}

/// <summary>Importers' pods, and the claims that ask for one, as this replica knows them.</summary>
internal sealed class ImportCache
{
    private const string ByReason = "reason", ByWork = "work", Unended = "unended";

    public ImportCache(KubernetesClient client, MachineCache machines, string? ns, TimeProvider time, ILogger<ImportCache> log)
    {
        Claims = machines.Claims;
        Claims.AddIndex(ByReason, static c => c.Metadata.Annotation(ImportAnnotations.RunningReason) is { } reason ? [reason] : []);
        Pods = new(client, CoreKinds.Pods, ns, new() { LabelSelector = $"{ImportAnnotations.AppLabel}={ImportAnnotations.App}", Transform = Slim.Pod }, time, log);
        Pods.AddIndex(ByWork, static p => IsOver(p) ? [] : [Unended]);
        Claims.Changed += e =>
        {
            if (ImportAnnotations.IsAsked(e.Object.Metadata))
            {
                Touched?.Invoke(ClaimKey.Of(e.Object));
            }
        };
        Pods.Changed += PodChanged;
    }

    /// <summary>Something of this claim's has changed.</summary>
    public event Action<ClaimKey>? Touched;

    public Informer<PersistentVolumeClaim> Claims { get; }

    public Informer<Pod> Pods { get; }

    public Task Synced => Task.WhenAll(Claims.Synced, Pods.Synced);

    /// <summary>How many importers there are that have not ended.</summary>
    public int AtWork => Pods.CountByIndex(ByWork, Unended);

    /// <summary>Claims that wait for their turn, the oldest first.</summary>
    private IEnumerable<ClaimKey> Waiting => Claims.ByIndex(ByReason, ImportState.Waiting)
        .OrderBy(static c => c.Metadata.CreationTimestamp)
        .Select(ClaimKey.Of);

    public Task RunAsync(CancellationToken stop) => Pods.RunAsync(stop);

    private static bool IsOver(Pod pod) => pod.Status?.Phase is ImportState.Succeeded or ImportState.Failed;

    private void PodChanged(InformerEvent<Pod> e)
    {
        var pod = e.Object;
        if (pod.Metadata.Controller is { Kind: "PersistentVolumeClaim" } owner)
        {
            Touched?.Invoke(new ClaimKey(pod.Metadata.Namespace!, owner.Name));
        }

        if (e.Kind != InformerEventKind.Deleted && !IsOver(pod))
        {
            return;
        }

        // A turn is free.
        foreach (var key in Waiting)
        {
            Touched?.Invoke(key);
        }
    }
}
