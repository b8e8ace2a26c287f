using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <summary>DataSources as this replica knows them, and which of them is to be looked at when something else changes.</summary>
internal sealed class SourceCache
{
    private const string ByClaim = "claim", BySource = "source";

    public SourceCache(KubernetesClient client, IReadOnlyList<string>? namespaces, TimeProvider time, ILogger log)
    {
        Sources = new(client, Kinds.DataSources, namespaces, new() { Transform = Slim.Source }, time, log);
        // What it comes to stands in its status: so the end of each chain of references is known without following it.
        Sources.AddIndex(ByClaim, static s => (s.Status?.Source?.Pvc ?? s.Spec?.Source.Pvc) is { } claim ? [Key(claim.Namespace ?? s.Metadata.Namespace!, claim.Name)] : []);
        Sources.AddIndex(BySource, static s => s.Spec?.Source.DataSource is { } other ? [Key(other.Namespace ?? s.Metadata.Namespace!, other.Name)] : []);
        Sources.Changed += e =>
        {
            var key = ClaimKey.Of(e.Object);
            Touched?.Invoke(key);
            Touch(BySource, key);
        };
    }

    /// <summary>Something of the DataSource of this name has changed.</summary>
    public event Action<ClaimKey>? Touched;

    public Informer<DataSource> Sources { get; }

    public SourceResolution Resolve(string ns, string name) => SourceResolution.Of(ns, name, Sources.Get);

    /// <summary>A claim has changed, or the DataVolume of its name.</summary>
    public void ClaimChanged(ClaimKey claim) => Touch(ByClaim, claim);

    private static string Key(string ns, string name) => $"{ns}/{name}";

    private void Touch(string index, ClaimKey used)
    {
        foreach (var source in Sources.ByIndex(index, Key(used.Namespace, used.Name)))
        {
            Touched?.Invoke(ClaimKey.Of(source));
        }
    }
}
