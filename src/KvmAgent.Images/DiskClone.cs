using KvmAgent.Images.Conversion;
using KvmAgent.Images.Import;
using KvmAgent.Images.Store;

namespace KvmAgent.Images;

/// <summary>Which disk is cloned, and where to.</summary>
public sealed record DiskCloneRequest
{
    /// <summary>The address of a qemu-nbd that serves it raw.</summary>
    public required string Host { get; init; }

    public required int Port { get; init; }

    /// <summary>A directory with keys.psk: the key of the user <c>clone</c>, by which both ends know each other (TLS-PSK).</summary>
    public required string KeyDirectory { get; init; }

    /// <summary>As of an import.</summary>
    public required DiskImportRequest Into { get; init; }
}

/// <summary>
/// Copies a disk that another host serves: what the source has not allocated is not sent, and not written. A file gets its name when all of
/// it is there; a device that is written over looks like a disk before it is whole.
/// </summary>
public static class DiskClone
{
    /// <param name="request">What is wanted.</param>
    /// <param name="progress">In bytes of the disk; see <see cref="FetchProgress"/>.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The disk's size in bytes.</returns>
    /// <exception cref="ImageException">It is not to be had, or has no room.</exception>
    public static async Task<long> RunAsync(DiskCloneRequest request, IProgress<FetchProgress>? progress, CancellationToken ct)
    {
        var source = new NbdDisk(request.Host, request.Port, request.KeyDirectory);
        var length = await source.SizeAsync(ct).ConfigureAwait(false);
        var meter = new FetchMeter(progress, TimeProvider.System, new StoreTimings().Report);
        meter.Begin(FetchPhase.Importing, 0, length);
        return request.Into.IsOntoDevice
            ? await OntoDeviceAsync(source, length, request.Into, meter, ct).ConfigureAwait(false)
            : await IntoFileAsync(source, length, request.Into, meter, ct).ConfigureAwait(false);
    }

    private static async Task<long> IntoFileAsync(NbdDisk source, long length, DiskImportRequest into, FetchMeter meter, CancellationToken ct)
    {
        var size = into.SizeFor(length, source.Name);
        DiskImport.RemoveLeftovers(into);
        using var target = RawTarget.Create(into.Target, length);
        await QemuImg.RunAsync(
            new QemuImgConversion(source.Node, target.Handle, into.Target, ImageFormat.Raw, length) { Credentials = source.Credentials },
            new QemuImgPercent(meter, length),
            ct).ConfigureAwait(false);
        target.Resize(size);
        if (into.Preallocate)
            target.Preallocate();
        meter.Begin(FetchPhase.Storing, length, length);
        target.Complete();
        return size;
    }

    private static async Task<long> OntoDeviceAsync(NbdDisk source, long length, DiskImportRequest into, FetchMeter meter, CancellationToken ct)
    {
        using var device = StorageFault.Guard(into.Target, () => File.OpenHandle(into.Target, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite));
        if (Libc.DeviceSize(device) is var room && room < length)
            throw new ImageException(ImageFailure.NoSpace, $"{into.Target} has {room} bytes, but the disk of {source.Name} needs {length}; take a larger volume");
        await QemuImg.RunAsync(
            new QemuImgConversion(source.Node, device, into.Target, ImageFormat.Raw, length) { Credentials = source.Credentials, InPlace = true },
            new QemuImgPercent(meter, length),
            ct).ConfigureAwait(false);
        meter.Begin(FetchPhase.Storing, length, length);
        StorageFault.Guard(into.Target, () =>
        {
            RandomAccess.FlushToDisk(device);
            return true;
        });
        return length;
    }
}
