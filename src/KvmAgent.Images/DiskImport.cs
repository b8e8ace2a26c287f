using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>What disk is wanted, and where.</summary>
public sealed record DiskImportRequest
{
    /// <summary>A URL (http, https, s3, oci, docker, file), or an absolute path.</summary>
    public required string Source { get; init; }

    /// <summary>How its server is reached.</summary>
    public SourceAccess Access { get; init; } = new();

    /// <summary>That of the source's bytes, as they come. With it a remote image that is not raw has to be spooled.</summary>
    public Checksum? Checksum { get; init; }

    /// <summary>A block device, or the file that shall be made; its directory must exist. A file that is there is replaced when the new one is complete.</summary>
    public required string Target { get; init; }

    /// <summary>The disk's size in bytes where it shall be larger than the image's; null for the image's.</summary>
    public long? Size { get; init; }

    /// <summary>Have the file's volume give all of the disk's room at once, or the device zeroes that are written, not holes.</summary>
    public bool Preallocate { get; init; }

    /// <summary>Where an image is spooled that cannot be unpacked straight into the target; null for beside the target, for a device the directory for temporary files.</summary>
    public string? ScratchDirectory { get; init; }
}

/// <param name="Image">What the source was.</param>
/// <param name="Size">The disk's size in bytes.</param>
/// <param name="Read">Bytes of the source that were read for it, tables not counted.</param>
public sealed record DiskImported(ImageInfo Image, long Size, long Read)
{
    /// <summary>What the image was wrapped in, the outermost first: gzip, xz, zstd, tar.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>Bytes that had to be spooled, because the image inside is none that streams.</summary>
    public long Scratch { get; init; }
}

/// <summary>
/// Makes a raw disk of an image: inspected first, decoded by us, in place and with holes. A disk gets its name, or a device its first
/// bytes, when all of it is on the disk; a failed or killed import leaves nothing that looks whole.
/// </summary>
public static class DiskImport
{
    /// <summary>What is decoded here.</summary>
    internal static readonly IReadOnlyCollection<ImageFormat> Accepted = ImageFormatNames.ForGuests;

    /// <param name="request">What is wanted.</param>
    /// <param name="progress">Told of it seldom enough to be logged.</param>
    /// <param name="ct">Ends it; nothing is left behind.</param>
    /// <exception cref="ImageException">It is not to be had, or refused, or has no room.</exception>
    public static Task<DiskImported> RunAsync(DiskImportRequest request, IProgress<FetchProgress>? progress, CancellationToken ct) =>
        RunAsync(request, progress, TimeProvider.System, new StoreTimings(), ct);

    internal static async Task<DiskImported> RunAsync(
        DiskImportRequest request, IProgress<FetchProgress>? progress, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var meter = new FetchMeter(progress, time, timings.Report);
        using var image = await ImageSource.Parse(request.Source, request.Access).OpenAsync(time, timings, ct).ConfigureAwait(false);
        return image is IImageData data && !await MustStreamAsync(data, request, ct).ConfigureAwait(false)
            ? await DecodeAsync(data, request, meter, ct).ConfigureAwait(false)
            : await new StreamImport(image, request, meter).RunAsync(file => DecodeAsync(file, request, meter, ct), ct).ConfigureAwait(false);
    }

    // What a server sends a second time need not be what was hashed.
    private static async Task<bool> MustStreamAsync(IImageData data, DiskImportRequest request, CancellationToken ct)
    {
        if (request.Checksum is not null)
            return true;
        var beginning = new byte[Math.Min(LayerSigns.Needed, data.Length)];
        await data.ReadAsync(0, beginning, ct).ConfigureAwait(false);
        return LayerSigns.Find(beginning) is not null;
    }

    private static async Task<DiskImported> DecodeAsync(IImageData data, DiskImportRequest request, FetchMeter meter, CancellationToken ct)
    {
        var info = await data.InspectAsync(Accepted, ct).ConfigureAwait(false);
        IImageMap map = info.Qcow2 is { } header ? new Qcow2Map(data, header) : new RawMap(info.FileSize);
        var size = request.Size ?? info.VirtualSize;
        if (size < info.VirtualSize)
            throw new ImageException(ImageFailure.NoSpace,
                $"{data.Name} holds a disk of {info.VirtualSize} bytes, more than the {size} that are wanted; ask for a larger disk");
        using var target = RawTarget.Create(request.Target, size);
        var allocated = await map.CountAsync(ct).ConfigureAwait(false);
        if (request.Preallocate)
            target.Preallocate(size);
        else
            target.DemandSpace(allocated, data.Name);
        meter.Begin(FetchPhase.Importing, 0, allocated);
        var copy = new DiskCopy(data, map, target, request.Access.Connections, meter);
        await copy.RunAsync(ct).ConfigureAwait(false);
        meter.Begin(FetchPhase.Storing, allocated, allocated);
        target.Complete();
        return new DiskImported(info, size, copy.Read);
    }
}
