using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>What disk is wanted, and where.</summary>
public sealed record DiskImportRequest
{
    /// <summary>A URL (http, https, s3, oci, docker, file), or an absolute path.</summary>
    public required string Source { get; init; }

    /// <summary>What is sent in place of a source that is fetched; null for none.</summary>
    public UploadedImage? Upload { get; init; }

    /// <summary>How its server is reached.</summary>
    public SourceAccess Access { get; init; } = new();

    /// <summary>That of the source's bytes, as they come. With it a remote image that is not raw has to be spooled.</summary>
    public Checksum? Checksum { get; init; }

    /// <summary>A block device, or the file that shall be made; its directory must exist. A file that is there is replaced when the new one is complete.</summary>
    public required string Target { get; init; }

    /// <summary>The disk's size in bytes where it shall be larger than the image's; null for the image's.</summary>
    public long? Size { get; init; }

    /// <summary>How large the image's own disk may be, if that is more than <see cref="Size"/>: the disk is then the image's; null for no more.</summary>
    public long? Most { get; init; }

    /// <summary>Have the file's volume give all of the disk's room at once; a block device has it already.</summary>
    public bool Preallocate { get; init; }

    /// <summary>Where an image is spooled that cannot be unpacked straight into the target; null for beside the target, for a device the directory for temporary files.</summary>
    public string? ScratchDirectory { get; init; }

    internal bool IsOntoDevice => Libc.Stat(Target) is { IsBlockDevice: true };

    /// <summary>How large an image's disk may be.</summary>
    internal long Longest => Math.Max(Size ?? 0, Most ?? (Size is null ? long.MaxValue : 0));

    /// <summary>The size of the disk for an image's.</summary>
    /// <exception cref="ImageException">The image's is too large.</exception>
    internal long SizeFor(long image, string name) => image <= Longest
        ? Math.Max(Size ?? 0, image)
        : throw new ImageException(ImageFailure.NoSpace,
            $"{name} holds a disk of {image} bytes, more than the {Longest} that are wanted; ask for a larger disk");
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
    /// <param name="request">What is wanted.</param>
    /// <param name="progress">Told of it seldom enough to be logged.</param>
    /// <param name="ct">Ends it; nothing is left behind.</param>
    /// <exception cref="ImageException">It is not to be had, or refused, or has no room.</exception>
    public static Task<DiskImported> RunAsync(DiskImportRequest request, IProgress<FetchProgress>? progress, CancellationToken ct) =>
        RunAsync(request, progress, TimeProvider.System, new StoreTimings(), ct);

    /// <summary>Removes what a killed import to the same target left, so that its room counts as free. An import begins with it.</summary>
    /// <exception cref="ImageException">It cannot be removed.</exception>
    public static void RemoveLeftovers(DiskImportRequest request)
    {
        if (!request.IsOntoDevice)
            RawTarget.RemoveLeftover(request.Target);
        ScratchFile.Of(request).Dispose();
    }

    internal static async Task<DiskImported> RunAsync(
        DiskImportRequest request, IProgress<FetchProgress>? progress, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        RemoveLeftovers(request);
        var meter = new FetchMeter(progress, time, timings.Report);
        using var image = request.Upload is { } upload
            ? new UploadedStream(upload)
            : await ImageSource.Parse(request.Source, request.Access).OpenAsync(time, timings, ct).ConfigureAwait(false);
        if (image is FileImageData file && request.Checksum is not null)
            await HashAsync(file, request, meter, ct).ConfigureAwait(false);
        // What a server sends a second time need not be what was hashed.
        var isOneReading = image is not IImageData data || request.Checksum is not null && image is not FileImageData || await data.IsWrappedAsync(ct).ConfigureAwait(false);
        return isOneReading
            ? await StreamAsync(image, request, meter, ct).ConfigureAwait(false)
            : await ReadAsync((IImageData)image, request, meter, ct).ConfigureAwait(false);
    }

    private static async Task HashAsync(FileImageData file, DiskImportRequest request, FetchMeter meter, CancellationToken ct)
    {
        meter.Begin(FetchPhase.Hashing, 0, file.Length);
        using var content = new CountedStream(((IImageStream)file).ReadThrough(request.Access.Connections, ct), request.Checksum, toEnd: true, meter);
        await content.CopyToAsync(Stream.Null, ct).ConfigureAwait(false);
        content.Finish(file.Name);
    }

    private static Task<DiskImported> StreamAsync(IImageStream image, DiskImportRequest request, FetchMeter meter, CancellationToken ct) =>
        new StreamImport(image, request, meter).RunAsync(file => ReadAsync(file, request, meter, ct), ct);

    private static async Task<DiskImported> ReadAsync(IImageData data, DiskImportRequest request, FetchMeter meter, CancellationToken ct)
    {
        var info = await data.InspectAsync(ImageFormatNames.All, ct).ConfigureAwait(false);
        _ = request.SizeFor(info.VirtualSize, data.Name);
        if (info.Qcow2 is { } header)
            return await DecodeAsync(data, new Qcow2Map(data, header), info, request, meter, ct).ConfigureAwait(false);
        if (info.Format is ImageFormat.Raw or ImageFormat.Iso)
            return await DecodeAsync(data, new RawMap(data.Length), info, request, meter, ct).ConfigureAwait(false);
        return data is FileImageData file
            ? await new ForeignImport(file, info, request, meter)
                .RunAsync(disk => DecodeAsync(disk, new RawMap(disk.Length), info, request, meter, ct), ct).ConfigureAwait(false)
            : await StreamAsync(data, request, meter, ct).ConfigureAwait(false);
    }

    private static async Task<DiskImported> DecodeAsync(
        IImageData data, IImageMap map, ImageInfo info, DiskImportRequest request, FetchMeter meter, CancellationToken ct)
    {
        var size = request.SizeFor(info.VirtualSize, data.Name);
        using var target = RawTarget.Create(request.Target, size);
        var allocated = await map.CountAsync(ct).ConfigureAwait(false);
        if (request.Preallocate)
            target.Preallocate();
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
