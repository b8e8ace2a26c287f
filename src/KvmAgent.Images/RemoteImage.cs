using System.Net;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>An image on a server, and how it is reached.</summary>
public sealed record RemoteImage
{
    /// <summary>An http or https URL.</summary>
    public required string Source { get; init; }

    /// <summary>As in <see cref="BaseImageRequest"/>.</summary>
    public string? CaFile { get; init; }

    /// <inheritdoc cref="CaFile"/>
    public string? HeadersFile { get; init; }

    /// <inheritdoc cref="CaFile"/>
    public IReadOnlyList<IPNetwork> AllowAddresses { get; init; } = [];

    /// <summary>Judges the image as <see cref="ImageInspector"/> does, by a few ranges of it; it is not fetched.</summary>
    public Task<ImageInfo> InspectAsync(CancellationToken ct) => InspectAsync(TimeProvider.System, new StoreTimings(), ct);

    internal async Task<ImageInfo> InspectAsync(TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var source = HttpSource.Parse(Source, HeadersFile, CaFile, AllowAddresses);
        using var client = source.Client(timings);
        using var stream = new HttpRangeStream(await HttpRanges.OpenAsync(source, client, time, timings, ct).ConfigureAwait(false), ct);
        // Its reads block, so it gets a thread of its own rather than one of the pool's.
        return await Task.Factory.StartNew(
            () => ImageInspector.Inspect(stream, source.Shown), ct, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }
}
