using KvmAgent.Processes;
using KvmAgent.Tests.Support;

namespace KvmAgent.Tests.Charts;

/// <summary>Runs helm on the chart: the one that <c>.ci/install-helm</c> put into the cache, else that of PATH.</summary>
internal static class Helm
{
    public const string Release = "vm", Namespace = "vms";

    /// <summary>The snapshots are made for this; helm's own idea of it changes with helm.</summary>
    private const string KubeVersion = "1.32.0";

    public static readonly string Chart = RepositoryRoot.At("charts", "kvm-agent");

    /// <summary>Null where there is none.</summary>
    public static string? Program { get; } = Candidates().FirstOrDefault(File.Exists);

    public static Task<ProcessResult> RunAsync(params IEnumerable<string> arguments) => ProcessRunner.TryRunAsync(Program!, arguments);

    public static async Task<string> TemplateAsync(params IEnumerable<string> arguments)
    {
        var result = await TryTemplateAsync(arguments);
        result.ExitCode.ShouldBe(0, result.Error);
        return result.Output;
    }

    public static Task<ProcessResult> TryTemplateAsync(params IEnumerable<string> arguments) =>
        RunAsync(["template", Release, Chart, "--namespace", Namespace, "--kube-version", KubeVersion, .. arguments]);

    private static IEnumerable<string> Candidates()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, "helm"))
            .Prepend(Path.Combine(cache, "kvm-agent", "helm", "helm"));
    }
}

internal static class HelmSkip
{
    public static string? Reason { get; } =
        Helm.Program is null ? "there is no helm in the cache or in PATH; .ci/install-helm gets it" : null;
}

[AttributeUsage(AttributeTargets.Method)]
internal sealed class HelmFactAttribute : FactAttribute
{
    public HelmFactAttribute() => Skip = HelmSkip.Reason;
}

[AttributeUsage(AttributeTargets.Method)]
internal sealed class HelmTheoryAttribute : TheoryAttribute
{
    public HelmTheoryAttribute() => Skip = HelmSkip.Reason;
}
