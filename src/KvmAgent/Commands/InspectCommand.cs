using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Images.Inspect;
using KvmAgent.Import;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent inspect</c>: what an image is, and whether <c>run</c> would take it; one on a server is not fetched.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var image = new Argument<string?>("image")
        {
            Description = "A file, or an http or https URL. Without it the variables of CDI's importer pods say what to look at.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var access = new SourceOptions();
        var command = new Command("inspect", "Show what an image is, without fetching it.") { image, json };
        access.AddTo(command);
        command.SetAction((arguments, cancel) => CommandLine.GuardAsync(
            () => arguments.GetValue(image) is { } source
                ? RunAsync(source, arguments.GetValue(json), s => Access(s, access, arguments), cancel)
                : RunAsImporterAsync(cancel)));
        return command;
    }

    private static async Task<int> RunAsync(string source, bool json, Func<string, SourceAccess> access, CancellationToken cancel)
    {
        var report = Report(SettingsSummary.WithoutSecrets(source), await InspectAsync(source, access, cancel).ConfigureAwait(false));
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, ContractsJson.Default.ImageReport));
            return 0;
        }

        foreach (var (name, value) in Rows(report))
        {
            Console.WriteLine($"{name,-14}{value}");
        }

        return 0;
    }

    /// <summary>The pod's end is what is read of it: see <see cref="SourceInspection"/>.</summary>
    private static async Task<int> RunAsImporterAsync(CancellationToken cancel)
    {
        using var signals = new CommandSignals(cancel);
        var paths = HostPaths.FromEnvironment();
        return await TerminationGuard.RunAsync(null, paths, "nothing was inspected", signals, () => SourceInspection.RunAsync(Asked(paths), signals.Token)).ConfigureAwait(false);
    }

    private static ImportSettings Asked(HostPaths paths)
    {
        var (environment, errors) = (CommandLine.Environment(), new SettingErrors());
        if (!ImporterEnvironment.IsIn(environment))
        {
            throw new AgentException(FailureReason.Settings, "the image is missing, and no IMPORTER_SOURCE or IMPORTER_ENDPOINT says what to look at; give a file or a URL");
        }

        var settings = new ImporterEnvironment(environment, paths, new SettingParser(errors)).Read();
        if (environment.GetValueOrDefault("IMPORTER_SOURCE") == "none")
        {
            errors.Add("IMPORTER_SOURCE", "none", "is a blank disk, which has no size of its own", "give the size that is wanted");
        }

        errors.ThrowIfAny();
        return settings;
    }

    private static async Task<ImageInfo> InspectAsync(string source, Func<string, SourceAccess> access, CancellationToken cancel)
    {
        try
        {
            return source.Contains("://", StringComparison.Ordinal)
                ? await new RemoteImage { Source = source, Access = access(source) }.InspectAsync(cancel).ConfigureAwait(false)
                : ImageInspector.Inspect(source);
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
    }

    private static SourceAccess Access(string source, SourceOptions options, ParseResult arguments)
    {
        var parser = new SettingParser(new SettingErrors());
        var access = options.Over(VmSettingsReader.SourceAccess(CommandLine.Environment(), source, parser), arguments, parser);
        parser.Errors.ThrowIfAny();
        return access;
    }

    private static ImageReport Report(string source, ImageInfo info) =>
        new(source, info.Format.Name(), info.VirtualSize, info.FileSize, info.Content)
        {
            ClusterSize = info.ClusterSize,
            Features = info.Features,
        };

    private static IEnumerable<(string Name, string Value)> Rows(ImageReport report)
    {
        yield return ("image", report.Source);
        yield return ("format", report.Format);
        yield return ("content", report.Content);
        yield return ("virtual size", Size(report.VirtualSize));
        yield return ("file size", Size(report.FileSize));
        if (report.ClusterSize is { } cluster)
        {
            yield return ("cluster size", Quantity.Human(cluster));
        }

        if (report.Features.Count > 0)
        {
            yield return ("features", string.Join(", ", report.Features));
        }
    }

    private static string Size(long bytes) => $"{Quantity.Human(bytes)} ({bytes.ToString(CultureInfo.InvariantCulture)} bytes)";
}
