using KvmAgent.TestSupport.Charts;

namespace KvmAgent.Coordinator.Tests.Charts;

/// <summary>The chart of a cluster's coordinator.</summary>
internal static class CoordinatorChart
{
    public static readonly HelmChart Helm = new("kvm-coordinator", "kvm-coordinator", "kvm-system", "KvmAgent.Coordinator.Tests");

    /// <summary>What its objects are called, and its service account.</summary>
    public const string FullName = "kvm-coordinator";

    /// <summary>The container's environment with the pod's own fields.</summary>
    public static Dictionary<string, string> EnvironmentOf(RenderedChart chart) =>
        new(chart.Environment) { ["POD_NAME"] = "kvm-coordinator-0", ["POD_NAMESPACE"] = Helm.Namespace };
}

/// <summary>The values files whose outcome is kept.</summary>
public sealed class ChartCases() : TheoryData<string>(CoordinatorChart.Helm.Cases);

public sealed class CoordinatorChartDocumentTests() : ChartDocumentTests(CoordinatorChart.Helm);
