using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>
/// An image that is read from its beginning to its end: because it is wrapped in compression or a tar, its server has no ranges, or all of
/// it has to be hashed. Raw disks go straight into the target; others need their bytes at any place, and go into a scratch file first.
/// </summary>
/// <param name="image">The source.</param>
/// <param name="request">What is wanted.</param>
/// <param name="meter">Told how far the reading is.</param>
internal sealed class StreamImport(IImageStream image, DiskImportRequest request, FetchMeter meter)
{
    private const int BufferSize = 1 << 20;

    /// <param name="import">Imports an image that lies in a file.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<DiskImported> RunAsync(Func<FileImageData, Task<DiskImported>> import, CancellationToken ct)
    {
        meter.Begin(FetchPhase.Fetching, 0, image.TotalLength, $"from {image.Name}");
        using var source = new CountedStream(image.ReadThrough(request.Access.Connections, ct), request.Checksum, image.IsJudgedAtEnd, meter);
        var (disk, layers) = await OwnThread.RunAsync(() => Wrapping.Remove(source, image.Name, ImageInspector.BeginningSize), ct).ConfigureAwait(false);
        using (disk)
        {
            var whole = disk.Beginning.Length < ImageInspector.BeginningSize;
            var isDisk = ImageInspector.StreamsAsDisk(disk.Beginning, whole, image.Name);
            var done = isDisk
                ? await OwnThread.RunAsync(() => Unpack(disk, source, ct), ct).ConfigureAwait(false)
                : await SpoolAsync(disk, source, import, ct).ConfigureAwait(false);
            return done with { Layers = [.. layers.Select(layer => layer.Name())], Read = source.Count };
        }
    }

    private DiskImported Unpack(PeekStream disk, CountedStream source, CancellationToken ct)
    {
        using var target = RawTarget.Create(request.Target, request.Size ?? 0);
        if (request.Size is { } size && request.Preallocate)
            target.DemandSpace(size, image.Name);
        using var ahead = new ReadAhead(disk);
        var length = Copy(ahead, target.Write, Math.Min(request.Longest, target.Limit), ct);
        source.Finish(image.Name);
        target.Resize(length);
        using var written = new WrittenStream(target, length);
        var info = ImageInspector.Inspect(written, image.Name, ImageFormatNames.All);
        // A fixed VHD's footer is not of its disk.
        if (info.VirtualSize < length)
            target.Resize(info.VirtualSize);
        target.Resize(request.SizeFor(info.VirtualSize, image.Name));
        if (request.Preallocate)
            target.Preallocate();
        meter.Begin(FetchPhase.Storing, length, length);
        target.Complete();
        return new DiskImported(info, target.Size, source.Count);
    }

    private async Task<DiskImported> SpoolAsync(
        PeekStream disk, CountedStream source, Func<FileImageData, Task<DiskImported>> import, CancellationToken ct)
    {
        using var scratch = ScratchFile.Of(request);
        meter.Note($"it is none that can be written as it comes, so it is spooled to {scratch.Path} first");
        var length = await OwnThread.RunAsync(() => Spool(disk, source, scratch.Path, ct), ct).ConfigureAwait(false);
        using var spooled = new FileImageData(scratch.Path, image.Name);
        var done = await import(spooled).ConfigureAwait(false);
        return done with { Scratch = length + done.Scratch };
    }

    private long Spool(PeekStream disk, CountedStream source, string scratch, CancellationToken ct) => StorageFault.Guard(scratch, () =>
    {
        using var file = File.OpenHandle(scratch, FileMode.Create, FileAccess.Write);
        using var ahead = new ReadAhead(disk);
        var length = Copy(ahead, new WriteBehind(file).Write, StorageFault.VolumeSize(scratch), ct);
        RandomAccess.SetLength(file, length);
        source.Finish(image.Name);
        return length;
    });

    private long Copy(Stream disk, PieceWriter write, long limit, CancellationToken ct)
    {
        var buffer = new byte[BufferSize];
        var length = 0L;
        try
        {
            while (disk.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) is var count and > 0)
            {
                ct.ThrowIfCancellationRequested();
                if (length + count > limit)
                    throw new ImageException(ImageFailure.NoSpace, $"{image.Name} unpacks to more than the {limit} bytes that are wanted or there; take a larger disk");
                write(length, buffer.AsSpan(0, count));
                length += count;
            }
        }
        catch (InvalidDataException e)
        {
            throw new ImageException(ImageFailure.Refused, $"{image.Name} is refused as a disk image: {e.Message}; fetch or make it anew", e);
        }
        return length;
    }

    private delegate void PieceWriter(long offset, ReadOnlySpan<byte> bytes);
}
