using System.Text.RegularExpressions;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Charts;
using static KvmAgent.Tests.Charts.AgentChart;

namespace KvmAgent.Tests.Charts;

/// <summary>What the chart makes of typical values, to be read by people: see <see cref="Golden"/> for how to accept a change.</summary>
public sealed partial class ChartSnapshotTests
{
    [HelmFact]
    public Task Helm_finds_no_fault_with_the_chart() => Helm.LintAsync("full");

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_chart_makes_what_its_snapshot_shows(string name)
    {
        var yaml = await Helm.TemplateAsync("--values", Helm.Values(name));

        Golden.ShouldBe(GeneratedPassword().Replace(yaml, "${before}R0VORVJBVEVE"), Helm.Rendered(name));
    }

    [HelmTheory]
    [ClassData(typeof(ChartCases))]
    public async Task The_notes_say_how_to_reach_the_vm(string name)
    {
        await using var cluster = new ClusterStandIn();

        var installed = await cluster.InstallAsync(Helm, "--values", Helm.Values(name));

        Golden.ShouldBe(installed[installed.IndexOf("NOTES:\n", StringComparison.Ordinal)..], Helm.Notes(name));
    }

    /// <summary>A generated password, 8 letters and digits in base64; the one that a values file gives has 7.</summary>
    [GeneratedRegex(@"(?<before>\n  # VNC takes 8 bytes\.\n  password: )[A-Za-z0-9]{11}=(?=\n)")]
    private static partial Regex GeneratedPassword();
}
