using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Charts;

/// <summary>The values files whose outcome is kept: <c>Snapshots/NAME.values.yaml</c>, <c>NAME.yaml</c> and <c>NAME.notes.txt</c>.</summary>
public sealed class ChartCases : TheoryData<string>
{
    internal static readonly string Directory = RepositoryRoot.At("tests", "KvmAgent.Tests", "Charts", "Snapshots");

    public ChartCases()
    {
        foreach (var name in Names)
        {
            Add(name);
        }
    }

    internal static IEnumerable<string> Names => System.IO.Directory.EnumerateFiles(Directory, "*.values.yaml")
        .Select(f => Path.GetFileName(f)[..^".values.yaml".Length])
        .Order(StringComparer.Ordinal);

    internal static string Values(string name) => Path.Combine(Directory, $"{name}.values.yaml");

    internal static string Rendered(string name) => Path.Combine(Directory, $"{name}.yaml");

    internal static string Notes(string name) => Path.Combine(Directory, $"{name}.notes.txt");
}
