using KvmAgent.Images.Conversion;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>What disk is converted, and into what.</summary>
public sealed record DiskConversionRequest
{
    /// <summary>A file: a raw disk or a qcow2 image.</summary>
    public required string Source { get; init; }

    /// <summary>
    /// Raw or qcow2 where the caller knows it, as of a VM's disk; null: by what is in it. Raw is then raw whatever the guest has written
    /// there, and nothing of it is looked at.
    /// </summary>
    public ImageFormat? SourceFormat { get; init; }

    /// <summary>The base on which a qcow2 image is an overlay: the very file that it names, itself whole. The result has both in one.</summary>
    public string? Backing { get; init; }

    /// <summary>The file that shall be made; its directory must exist.</summary>
    public required string Target { get; init; }

    /// <summary>Raw (with holes), qcow2, VMDK (streamOptimized), VHD or VHDX (dynamic).</summary>
    public required ImageFormat Format { get; init; }

    /// <summary>Whether a qcow2 image is compressed; VMDK always is, and the others cannot be.</summary>
    public bool Compressed { get; init; }

    /// <summary>Whether a file of that name may be there; it stays until the new one is complete.</summary>
    public bool Replace { get; init; }
}

/// <param name="SourceFormat">What the source was.</param>
/// <param name="Size">The disk's size in bytes.</param>
/// <param name="FileSize">The length of the file that was made.</param>
public sealed record DiskConverted(ImageFormat SourceFormat, long Size, long FileSize);

/// <summary>
/// Makes a file in another format of a disk. What it is is judged here; qemu-img writes it, under limits. It gets its name when all of it
/// is on the disk; a failed or killed conversion leaves nothing that looks whole.
/// </summary>
public static class DiskConversion
{
    // QEMU's limit for VHD.
    private const long MaxVhd = 0xff00_0000L * 512;

    /// <param name="request">Paths are full, or from the working directory.</param>
    /// <param name="progress">In bytes of the disk; see <see cref="FetchProgress"/>.</param>
    /// <param name="ct">Ends it, and leaves nothing.</param>
    /// <exception cref="ImageException">The source is refused, the target cannot be made, or a program is missing.</exception>
    public static async Task<DiskConverted> RunAsync(DiskConversionRequest request, IProgress<FetchProgress>? progress, CancellationToken ct)
    {
        request = request with
        {
            Source = Path.GetFullPath(request.Source),
            Target = Path.GetFullPath(request.Target),
            Backing = request.Backing is { } backing ? Path.GetFullPath(backing) : null,
        };
        Check(request);
        using var source = ConversionSource.Open(request.Source, request.SourceFormat, request.Backing);
        if (request.Format == ImageFormat.Vhd && source.Size > MaxVhd)
            throw Wrong($"{request.Source} holds a disk of {source.Size} bytes, and a VHD at most {MaxVhd}; take VHDX");
        using var target = ConversionTarget.Create(request.Target, request.Replace);
        if (request.Format == ImageFormat.Raw && await source.AllocatedAsync(ct).ConfigureAwait(false) is { } need)
            StorageFault.DemandSpace(Path.GetDirectoryName(request.Target)!, need, request.Source);

        var meter = new FetchMeter(progress, TimeProvider.System, new StoreTimings().Report);
        meter.Begin(FetchPhase.Converting, 0, source.Size);
        var work = new QemuImgConversion(source.Node, target.Handle, request.Target, request.Format, source.Size) { Compressed = request.Compressed };
        await QemuImg.RunAsync(work, new QemuImgPercent(meter, source.Size), ct).ConfigureAwait(false);
        meter.Begin(FetchPhase.Storing, source.Size, source.Size);
        target.Demand(request.Format, source.Size);
        target.Complete();
        return new DiskConverted(source.Format, source.Size, target.Length);
    }

    private static void Check(DiskConversionRequest request)
    {
        if (request.Format is ImageFormat.Iso or ImageFormat.Vdi)
            throw Wrong($"disks are converted into raw, qcow2, vmdk, vhd and vhdx, not {request.Format.Name()}");
        if (request.SourceFormat is not (null or ImageFormat.Raw or ImageFormat.Qcow2))
            throw Wrong($"disks are converted from raw and qcow2, not {request.SourceFormat.Value.Name()}; import other images");
        if (request.Compressed && request.Format is not (ImageFormat.Qcow2 or ImageFormat.Vmdk))
            throw Wrong($"{request.Format.Name()} cannot be compressed; take qcow2 or vmdk");
        if (request.SourceFormat == ImageFormat.Raw && request.Backing is not null)
            throw Wrong($"{request.Source} is said to be raw and so has no backing file; say qcow2, or leave {request.Backing} out");
        if (request.Target == request.Source || request.Target == request.Backing)
            throw Wrong($"{request.Target} is what is converted; take another name for the target");
    }

    private static ImageException Wrong(string what) => new(ImageFailure.Settings, what);
}
