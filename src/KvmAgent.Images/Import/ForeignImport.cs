using KvmAgent.Images.Conversion;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>
/// An image in a format that qemu-img unpacks, once our parser has accepted it: the file that we looked at, by descriptor, into a file that
/// is ours. A device gets its first bytes last, which qemu-img does not know of, and so its disk goes through a scratch file.
/// </summary>
internal sealed class ForeignImport(FileImageData image, ImageInfo info, DiskImportRequest request, FetchMeter meter)
{
    /// <param name="import">Imports a raw disk that lies in a file.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<DiskImported> RunAsync(Func<FileImageData, Task<DiskImported>> import, CancellationToken ct)
    {
        if (!request.IsOntoDevice)
        {
            using var target = RawTarget.Create(request.Target, info.VirtualSize);
            await UnpackAsync(target, ct).ConfigureAwait(false);
            target.Resize(request.SizeFor(info.VirtualSize, image.Name));
            if (request.Preallocate)
                target.Preallocate();
            meter.Begin(FetchPhase.Storing, info.VirtualSize, info.VirtualSize);
            target.Complete();
            return new DiskImported(info, target.Size, image.Length);
        }

        using var scratch = ScratchFile.Of(request);
        meter.Note($"a block device takes it through {scratch.Path}");
        using (var target = RawTarget.Create(scratch.Path, info.VirtualSize))
        {
            await UnpackAsync(target, ct).ConfigureAwait(false);
            target.Complete();
        }
        using var disk = new FileImageData(scratch.Path, image.Name);
        return await import(disk).ConfigureAwait(false) with { Image = info, Scratch = disk.Length, Read = image.Length };
    }

    private async Task UnpackAsync(RawTarget target, CancellationToken ct)
    {
        // How much is allocated is known to its tables; no disk needs less than an uncompressed image has.
        target.DemandSpace(Math.Min(info.FileSize, info.VirtualSize), image.Name);
        meter.Begin(FetchPhase.Importing, 0, info.VirtualSize);
        var work = new QemuImgConversion(QemuImgNode.Of(info, image.Handle, image.Name), target.Handle, request.Target, ImageFormat.Raw, info.VirtualSize);
        await QemuImg.RunAsync(work, new QemuImgPercent(meter, info.VirtualSize), ct).ConfigureAwait(false);
        if (RandomAccess.GetLength(target.Handle) is var made && made != info.VirtualSize)
            throw new ImageException(
                ImageFailure.Refused, $"{image.Name} is refused as a disk image: it says that its disk has {info.VirtualSize} bytes, and qemu-img finds {made}; make it anew");
    }
}
