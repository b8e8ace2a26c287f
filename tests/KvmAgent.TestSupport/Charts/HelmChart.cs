using System.Diagnostics;
using Shouldly;

namespace KvmAgent.TestSupport.Charts;

/// <summary>What helm said.</summary>
public sealed record HelmResult(int ExitCode, string Output, string Error);

/// <summary>
/// A chart of the repository, and helm run on it: the one that <c>.ci/install-helm</c> put into the cache, else that of PATH.
/// Values whose outcome is kept are <c>Snapshots/NAME.values.yaml</c> of its tests, with <c>NAME.yaml</c> and <c>NAME.notes.txt</c> beside.
/// </summary>
/// <param name="name">Its folder below charts.</param>
/// <param name="release">The release and the namespace that tests render it for.</param>
/// <param name="tests">The project of its tests.</param>
public sealed class HelmChart(string name, string release, string ns, string tests)
{
    private const string Suffix = ".values.yaml";

    /// <summary>The snapshots are made for this; helm's own idea of it changes with helm.</summary>
    private const string KubeVersion = "1.32.0";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string _snapshots = RepositoryRoot.At("tests", tests, "Charts", "Snapshots");

    public string Directory { get; } = RepositoryRoot.At("charts", name);

    public string Release => release;

    public string Namespace => ns;

    /// <summary>Names of the values that are kept.</summary>
    public IEnumerable<string> Cases => System.IO.Directory.EnumerateFiles(_snapshots, "*" + Suffix)
        .Select(static f => Path.GetFileName(f)[..^Suffix.Length])
        .Order(StringComparer.Ordinal);

    /// <summary>Null where there is none.</summary>
    internal static string? Program { get; } = Candidates().FirstOrDefault(File.Exists);

    public string Values(string name) => Path.Combine(_snapshots, name + Suffix);

    public string Rendered(string name) => Path.Combine(_snapshots, $"{name}.yaml");

    public string Notes(string name) => Path.Combine(_snapshots, $"{name}.notes.txt");

    public async Task<string> TemplateAsync(params IEnumerable<string> arguments)
    {
        var result = await TryTemplateAsync(arguments);
        result.ExitCode.ShouldBe(0, result.Error);
        return result.Output;
    }

    public Task<HelmResult> TryTemplateAsync(params IEnumerable<string> arguments) =>
        RunAsync(["template", release, Directory, "--namespace", ns, "--kube-version", KubeVersion, .. arguments]);

    /// <summary>That helm, with these values, refuses.</summary>
    public async Task RefusesAsync(string values, string error)
    {
        var result = await TryTemplateAsync("--set", values);
        result.ExitCode.ShouldBe(1);
        result.Output.ShouldBeEmpty();
        result.Error.ShouldContain(error);
    }

    /// <summary>That helm finds no fault with it.</summary>
    public async Task LintAsync(string values)
    {
        var lint = await RunAsync("lint", "--strict", Directory, "--values", Values(values));
        lint.ExitCode.ShouldBe(0, lint.Output + lint.Error);
        lint.Output.ShouldNotContain("[WARNING]");
    }

    public static async Task<HelmResult> RunAsync(params IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Program!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new HelmResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"helm {string.Join(' ', arguments)} took longer than {Limit}");
        }
    }

    private static IEnumerable<string> Candidates()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(static directory => Path.Combine(directory, "helm"))
            .Prepend(Path.Combine(cache, "kvm-agent", "helm", "helm"));
    }
}
