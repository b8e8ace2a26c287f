using KvmAgent.TestSupport.Charts;

namespace KvmAgent.Tests.Charts;

/// <summary>The chart of one VM.</summary>
internal static class AgentChart
{
    public static readonly HelmChart Helm = new("kvm-agent", "vm", "vms", "KvmAgent.Tests");
}

/// <summary>The values files whose outcome is kept.</summary>
public sealed class ChartCases() : TheoryData<string>(AgentChart.Helm.Cases);

public sealed class AgentChartDocumentTests() : ChartDocumentTests(AgentChart.Helm);
