using KvmAgent.Images.Import;
using KvmAgent.Images.Registry;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>Where an image comes from.</summary>
internal abstract class ImageSource
{
    /// <summary>What logs, errors and records call it: nothing secret.</summary>
    public abstract string Shown { get; }

    /// <exception cref="ImageException">It is none, or the access names files that cannot be read.</exception>
    public static ImageSource Parse(string source, SourceAccess access) => source switch
    {
        ['/', ..] => new FileSource(source),
        _ when source.StartsWith("file://", StringComparison.OrdinalIgnoreCase) => FileSource.OfUrl(source),
        _ when source.StartsWith(S3Source.Scheme, StringComparison.OrdinalIgnoreCase) => S3Source.Parse(source, access, TimeProvider.System.GetUtcNow()),
        _ when RegistryReference.IsOne(source) => new RegistrySource(RegistryReference.Parse(source), access),
        _ => HttpSource.Parse(source, access),
    };

    /// <summary>Brings the bytes into a part file, in order and all of them.</summary>
    public abstract Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct);

    /// <summary>Opens it: as <see cref="IImageData"/> where it can be read at any place, else for one reading from its beginning to its end.</summary>
    /// <exception cref="ImageException">It is not to be had.</exception>
    public abstract Task<IImageStream> OpenAsync(TimeProvider time, StoreTimings timings, CancellationToken ct);
}
