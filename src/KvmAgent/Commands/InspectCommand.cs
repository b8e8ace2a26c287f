using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Images.Inspect;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent inspect</c>: what an image is, and whether <c>run</c> would take it; one on a server is not fetched.</summary>
internal static class InspectCommand
{
    private const string Allow = "--allow-address";

    public static Command Create()
    {
        var image = new Argument<string>("image") { Description = "A file, or an http or https URL." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var allow = new Option<string[]>(Allow) { Description = "Allow an address or network as IMG_ALLOW_ADDRESS does.", DefaultValueFactory = _ => [] };
        var command = new Command("inspect", "Show what an image is, without fetching it.") { image, json, allow };
        command.SetAction((arguments, cancel) => CommandLine.GuardAsync(
            () => RunAsync(arguments.GetRequiredValue(image), arguments.GetValue(json), arguments.GetValue(allow) ?? [], cancel)));
        return command;
    }

    private static async Task<int> RunAsync(string source, bool json, string[] allowed, CancellationToken cancel)
    {
        var report = Report(SettingsSummary.WithoutSecrets(source), await InspectAsync(source, allowed, cancel).ConfigureAwait(false));
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

    private static async Task<ImageInfo> InspectAsync(string source, string[] allowed, CancellationToken cancel)
    {
        try
        {
            return source.Contains("://", StringComparison.Ordinal)
                ? await new RemoteImage
                {
                    Source = source,
                    Access = VmSettingsReader.SourceAccess(CommandLine.Environment(), source, [.. allowed.Select(a => new GivenValue(a, Allow))]),
                }.InspectAsync(cancel).ConfigureAwait(false)
                : ImageInspector.Inspect(source);
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
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
