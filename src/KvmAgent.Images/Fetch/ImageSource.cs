using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>Where an image comes from; it brings the bytes into a part file, in order and all of them.</summary>
internal abstract class ImageSource
{
    /// <summary>What logs, errors and records call it: nothing secret.</summary>
    public abstract string Shown { get; }

    public static ImageSource? Parse(BaseImageRequest request) => request.Source switch
    {
        null => null,
        ['/', ..] path => new FileSource(path),
        var url => HttpSource.Parse(url, request.HeadersFile, request.CaFile, request.AllowAddresses),
    };

    public abstract Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct);
}
