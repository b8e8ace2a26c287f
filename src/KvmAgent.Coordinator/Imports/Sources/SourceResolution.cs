using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Imports.Sources;

/// <summary>What a DataSource comes to when the references between DataSources are followed.</summary>
/// <param name="Source">A claim or a snapshot, with its namespace; null where there is none.</param>
/// <param name="Reason">Why there is none, in CDI's word.</param>
/// <param name="Message">For people.</param>
internal sealed record SourceResolution(DataSourceSource? Source, string Reason, string Message)
{
    public const string NotFound = "NotFound", NoSource = "NoSource", Cycle = "SelfReference", TooDeep = "MaxReferenceDepthReached", OtherNamespace = "CrossNamespaceReference";

    /// <summary>How many DataSources may refer to one another in a row.</summary>
    private const int MostReferences = 4;

    /// <param name="find">By namespace and name.</param>
    public static SourceResolution Of(string ns, string name, Func<string, string, DataSource?> find)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            if (!seen.Add(name))
            {
                return new(null, Cycle, $"DataSource {ns}/{name} refers to itself; let one of {string.Join(", ", seen)} have a pvc");
            }

            if (seen.Count > MostReferences + 1)
            {
                return new(null, TooDeep, $"more than {MostReferences} DataSources refer to one another ({string.Join(", ", seen)}); refer to the last of them");
            }

            if (find(ns, name) is not { Metadata.DeletionTimestamp: null, Spec.Source: var source })
            {
                return new(null, NotFound, $"DataSource {ns}/{name} is not there; make it, or correct the name");
            }

            switch (source)
            {
                case { Pvc: { } pvc }:
                    return new(new DataSourceSource { Pvc = pvc with { Namespace = pvc.Namespace ?? ns } }, "", "");
                case { Snapshot: { } snapshot }:
                    return new(new DataSourceSource { Snapshot = snapshot with { Namespace = snapshot.Namespace ?? ns } }, "", "");
                case { DataSource: { } next } when next.Namespace is null || next.Namespace == ns:
                    name = next.Name;
                    break;
                case { DataSource: { } other }:
                    // Who may not look into a namespace is not told through here what is in it.
                    return new(null, OtherNamespace, $"DataSource {ns}/{name} refers to {other.Namespace}/{other.Name}, and a reference goes within the namespace only");
                default:
                    return new(null, NoSource, $"DataSource {ns}/{name} has no source yet");
            }
        }
    }
}
