using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Images.Inspect;

namespace KvmAgent.Cli.Images;

/// <summary>An image as this computer sees it.</summary>
internal static class LocalImage
{
    /// <param name="source">A file, or a URL.</param>
    /// <exception cref="CliException">It is not to be had, or is refused.</exception>
    public static Task<ImageReport> InspectAsync(string source, SourceAccess access, CancellationToken cancel) => GuardAsync(async () =>
    {
        var info = IsUrl(source) ? await new RemoteImage { Source = source, Access = access }.InspectAsync(cancel).ConfigureAwait(false) : ImageInspector.Inspect(source);
        return new ImageReport(WithoutSecrets(source), info.Format.Name(), info.VirtualSize, info.FileSize, info.Content) { ClusterSize = info.ClusterSize, Features = info.Features };
    });

    /// <summary>The disk in a file, whatever it is wrapped in.</summary>
    /// <exception cref="CliException">It cannot be read, is refused, or its size shows only in all of it.</exception>
    public static async Task<long> DiskSizeAsync(string file, CancellationToken cancel)
    {
        var survey = await GuardAsync(() => new RemoteImage { Source = Path.GetFullPath(file) }.SurveyAsync(cancel)).ConfigureAwait(false);
        return survey.VirtualSize ?? throw new CliException(ExitCodes.Usage, $"how large the disk in {file} is does not show: {survey.Unknown}; give --size");
    }

    private static bool IsUrl(string source) => source.Contains("://", StringComparison.Ordinal);

    /// <summary>Queries are signatures, often.</summary>
    private static string WithoutSecrets(string source) =>
        IsUrl(source) && Uri.TryCreate(source, UriKind.Absolute, out var url) ? url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) : source;

    private static async Task<T> GuardAsync<T>(Func<Task<T>> run)
    {
        try
        {
            return await run().ConfigureAwait(false);
        }
        catch (ImageException e)
        {
            throw new CliException(ExitCodeOf(e.Reason), e.Message, e);
        }
    }

    private static int ExitCodeOf(ImageFailure reason) => reason switch
    {
        ImageFailure.Refused => ExitCodes.Data,
        ImageFailure.Unavailable => ExitCodes.Unavailable,
        ImageFailure.Settings => ExitCodes.Usage,
        ImageFailure.NoSpace or ImageFailure.Unwritable => ExitCodes.CannotCreate,
        _ => ExitCodes.Software,
    };
}
