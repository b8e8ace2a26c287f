using System.Text.RegularExpressions;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Coordinator.Tests.Charts.CoordinatorChart;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>What the chart makes of typical values, to be read by people: see <see cref="Golden"/> for how to accept a change.</summary>
public sealed partial class ChartSnapshotTests
{
    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public Task Helm_finds_no_fault_with_the_chart(string name) => Helm.LintAsync(name);

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_chart_makes_what_its_snapshot_shows(string name)
    {
        var yaml = await Helm.TemplateAsync("--values", Helm.Values(name));

        Golden.ShouldBe(Definition().Replace(yaml, "${head}spec: {}\n"), Helm.Rendered(name));
    }

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_notes_say_how_to_begin(string name)
    {
        await using var cluster = new ClusterStandIn();

        var installed = await cluster.InstallAsync(Helm, "--values", Helm.Values(name));

        Golden.ShouldBe(installed[installed.IndexOf("NOTES:\n", StringComparison.Ordinal)..], Helm.Notes(name));
    }

    /// <summary>The definitions are kept in the chart itself, and another test holds them.</summary>
    [GeneratedRegex(@"(?<head>\nkind: CustomResourceDefinition\nmetadata:\n(?:  .*\n)+)spec:\n(?:  .*\n)+")]
    private static partial Regex Definition();
}
