using System.Net;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>What disk is wanted, and where.</summary>
public sealed record DiskImportRequest
{
    /// <summary>An http or https URL, or an absolute path.</summary>
    public required string Source { get; init; }

    /// <summary>As in <see cref="BaseImageRequest"/>.</summary>
    public string? CaFile { get; init; }

    /// <inheritdoc cref="CaFile"/>
    public string? HeadersFile { get; init; }

    /// <inheritdoc cref="CaFile"/>
    public IReadOnlyList<IPNetwork> AllowAddresses { get; init; } = [];

    /// <summary>A block device, or the file that shall be made; its directory must exist. A file that is there is replaced when the new one is complete.</summary>
    public required string Target { get; init; }

    /// <summary>The disk's size in bytes where it shall be larger than the image's; null for the image's.</summary>
    public long? Size { get; init; }

    /// <summary>Where a packed image is spooled that cannot be unpacked straight into the target; null for beside the target.</summary>
    public string? ScratchDirectory { get; init; }

    /// <summary>How many pieces are read and unpacked at once.</summary>
    public int Connections { get; init; } = 6;
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

    /// <exception cref="ImageException">It is not to be had, or refused, or has no room.</exception>
    public static Task<DiskImported> RunAsync(DiskImportRequest request, CancellationToken ct) =>
        RunAsync(request, TimeProvider.System, new StoreTimings(), ct);

    internal static async Task<DiskImported> RunAsync(DiskImportRequest request, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using IImageData data = request.Source.StartsWith('/')
            ? new FileImageData(request.Source)
            : await HttpImageData.OpenAsync(
                HttpSource.Parse(request.Source, request.HeadersFile, request.CaFile, request.AllowAddresses), time, timings, ct).ConfigureAwait(false);
        return await PackedImport.IsAsync(data, ct).ConfigureAwait(false)
            ? await new PackedImport(data, request).RunAsync(image => DecodeAsync(image, request, ct), ct).ConfigureAwait(false)
            : await DecodeAsync(data, request, ct).ConfigureAwait(false);
    }

    private static async Task<DiskImported> DecodeAsync(IImageData data, DiskImportRequest request, CancellationToken ct)
    {
        var info = await InspectAsync(data, ct).ConfigureAwait(false);
        IImageMap map = info.Qcow2 is { } header ? new Qcow2Map(data, header) : new RawMap(info.FileSize);
        var size = request.Size ?? info.VirtualSize;
        if (size < info.VirtualSize)
            throw new ImageException(ImageFailure.NoSpace,
                $"{data.Name} holds a disk of {info.VirtualSize} bytes, more than the {size} that are wanted; ask for a larger disk");
        using var target = RawTarget.Create(request.Target, size);
        if (!target.IsDevice)
            target.DemandSpace(await map.CountAsync(ct).ConfigureAwait(false), data.Name);
        var read = 0L;
        await new DiskCopy(data, map, target, request.Connections, count => Interlocked.Add(ref read, count)).RunAsync(ct).ConfigureAwait(false);
        target.Complete();
        return new DiskImported(info, size, read);
    }

    private static async Task<ImageInfo> InspectAsync(IImageData data, CancellationToken ct)
    {
        using var content = data.OpenRead();
        // Its reads block, so it gets a thread of its own rather than one of the pool's.
        return await Task.Factory.StartNew(
            () => ImageInspector.Inspect(content, data.Name, Accepted), ct, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }
}
