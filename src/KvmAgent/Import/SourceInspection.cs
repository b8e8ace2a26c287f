using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvmAgent.Contracts;
using KvmAgent.Images;
using KvmAgent.Lifecycle;

namespace KvmAgent.Import;

/// <summary>
/// What an importer pod does that fills nothing: it tells which version of the image the source has, and how large its disk is, so that who
/// makes volumes need not look at images. A size that shows only in all of the image is none that is told.
/// </summary>
internal static class SourceInspection
{
    // An ETag may be as long as a server likes, and the message of a pod's end may not.
    private const int LongestRevision = 256;

    /// <returns>For people, and for programs.</returns>
    /// <exception cref="AgentException">The source is not to be had, or is refused.</exception>
    public static async Task<(string Text, ImportResult Result)> RunAsync(ImportSettings settings, CancellationToken cancel)
    {
        var survey = settings.Content == ImportContent.Archive
            ? throw new AgentException(FailureReason.Settings, "IMPORTER_CONTENTTYPE=\"archive\": is no disk, and what its files take shows only in all of it; give the size that is wanted")
            : await SurveyAsync(settings, cancel).ConfigureAwait(false);
        var message = survey.Unknown is { } why ? $"the size of the disk is not known: {why}; give the size" : ImportResult.Inspected;
        var size = survey.VirtualSize is { } bytes ? $"a disk of {bytes.ToString(CultureInfo.InvariantCulture)} bytes" : message;
        return ($"{size}, revision {survey.Revision ?? "unknown"}", new ImportResult(message, "Complete", 0)
        {
            Format = survey.Format?.Name(),
            VirtualSize = survey.VirtualSize,
            Revision = survey.Revision is { Length: > LongestRevision } tooLong ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tooLong))) : survey.Revision,
        });
    }

    private static async Task<ImageSurvey> SurveyAsync(ImportSettings settings, CancellationToken cancel)
    {
        try
        {
            return await new RemoteImage { Source = settings.Source!, Access = settings.Access }.SurveyAsync(cancel).ConfigureAwait(false);
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
    }
}
