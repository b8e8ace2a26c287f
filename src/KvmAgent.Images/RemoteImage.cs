using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>An image on a server, and how it is reached.</summary>
public sealed record RemoteImage
{
    /// <summary>A URL: http, https, s3. What lies packed in a registry is not to be seen from afar.</summary>
    public required string Source { get; init; }

    /// <summary>How its server is reached.</summary>
    public SourceAccess Access { get; init; } = new();

    /// <summary>Judges the image as <see cref="ImageInspector"/> does, by a few ranges of it; it is not fetched.</summary>
    public Task<ImageInfo> InspectAsync(CancellationToken ct) => InspectAsync(TimeProvider.System, new StoreTimings(), ct);

    /// <summary>Which version of the image is there, and how large its disk is, wrapped or in a registry too; little more than its beginning is read.</summary>
    /// <exception cref="ImageException">It is not to be had, or is refused.</exception>
    public Task<ImageSurvey> SurveyAsync(CancellationToken ct) => SurveyAsync(TimeProvider.System, new StoreTimings(), ct);

    internal async Task<ImageSurvey> SurveyAsync(TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using var image = await ImageSource.Parse(Source, Access).OpenAsync(time, timings, ct).ConfigureAwait(false);
        return await ImageSurvey.OfAsync(image, ct).ConfigureAwait(false);
    }

    internal async Task<ImageInfo> InspectAsync(TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using var image = await ImageSource.Parse(Source, Access).OpenAsync(time, timings, ct).ConfigureAwait(false);
        if (image is HttpImageStream whole)
        {
            // A login page says more about what is wrong than the lack of ranges.
            ImageInspector.InspectBeginning(whole.Beginning, whole: false, image.Name, ImageFormatNames.All);
            throw NotFromAfar($"the server has no ranges and would send it whole ({image.TotalLength?.ToString() ?? "an unknown number of"} bytes); fetch it and inspect the file");
        }
        if (image is not IImageData data)
            throw NotFromAfar("it is packed in a layer; import it, or take it out and inspect the file");
        return await data.InspectAsync(ImageFormatNames.All, ct).ConfigureAwait(false);

        ImageException NotFromAfar(string why) => new(ImageFailure.Unavailable, $"{image.Name} cannot be inspected from afar: {why}");
    }
}
