using KvmAgent.Images;
using KvmAgent.Settings;

namespace KvmAgent.Lifecycle;

/// <summary>The one place where the agent asks KvmAgent.Images for an image.</summary>
internal static class BaseImages
{
    /// <summary>The VM's base image, fetched if it is not there yet.</summary>
    public static Task<BaseImage> EnsureAsync(VmSettings settings, FetchLog log, TimeProvider time, CancellationToken cancel) => AskAsync(
        new BaseImageRequest
        {
            Source = settings.Image.Source,
            Directory = settings.ImageDir,
            Name = settings.Image.Target!,
            Checksum = settings.Image.Checksum,
            Access = settings.Image.Access,
        },
        log,
        time,
        cancel);

    /// <summary>A CD-ROM by URL, kept on the shared volume like a base image.</summary>
    public static async Task<string> EnsureCdromAsync(VmSettings settings, string url, FetchLog log, TimeProvider time, CancellationToken cancel) =>
        (await AskAsync(
            new BaseImageRequest
            {
                Source = url,
                Directory = settings.ImageDir,
                Name = CdromName(url),
                // What is shown to the origin of IMG_SOURCE is shown to no other.
                Access = SourceAccessReader.WithoutSecrets(settings.Image.Access),
                Formats = [ImageFormat.Iso],
            },
            log,
            time,
            cancel).ConfigureAwait(false)).Path;

    /// <summary>The library's failure with the agent's exit code.</summary>
    public static AgentException Failure(ImageException e) => new(Reason(e.Reason), e.Message, e);

    public static string CdromName(string url) => DiskReader.NameIn(url);

    private static async Task<BaseImage> AskAsync(BaseImageRequest request, FetchLog log, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            var image = await new BaseImageStore(time).EnsureAsync(request, log.For(request.Name), cancel).ConfigureAwait(false);
            if (image.Fetched)
            {
                log.Stored(image.Path, image.Digest);
            }

            return image;
        }
        catch (ImageException e)
        {
            throw Failure(e);
        }
    }

    private static FailureReason Reason(ImageFailure failure) => failure switch
    {
        ImageFailure.Refused => FailureReason.Refused,
        ImageFailure.Unavailable => FailureReason.SourceUnavailable,
        ImageFailure.NoSpace or ImageFailure.Unwritable => FailureReason.Unwritable,
        ImageFailure.Settings => FailureReason.Settings,
        ImageFailure.Missing => FailureReason.Missing,
        _ => FailureReason.Internal,
    };
}
