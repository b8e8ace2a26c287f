using Xunit;

namespace KvmAgent.TestSupport.Charts;

internal static class HelmSkip
{
    public static string? Reason { get; } =
        HelmChart.Program is null ? "there is no helm in the cache or in PATH; .ci/install-helm gets it" : null;
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class HelmFactAttribute : FactAttribute
{
    public HelmFactAttribute() => Skip = HelmSkip.Reason;
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class HelmTheoryAttribute : TheoryAttribute
{
    public HelmTheoryAttribute() => Skip = HelmSkip.Reason;
}
