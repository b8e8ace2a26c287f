using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>
/// An image that is wrapped in compression or a tar. Raw disks are unpacked straight into the target; others need their bytes at any place,
/// and are unpacked into a scratch file first.
/// </summary>
internal sealed class PackedImport(IImageData data, DiskImportRequest request)
{
    private const int BufferSize = 1 << 20;

    /// <summary>Whether that is what it is.</summary>
    public static async Task<bool> IsAsync(IImageData data, CancellationToken ct)
    {
        var beginning = new byte[Math.Min(LayerSigns.Needed, data.Length)];
        await data.ReadAsync(0, beginning, ct).ConfigureAwait(false);
        return LayerSigns.Find(beginning) is not null;
    }

    /// <param name="import">Imports an image that is not wrapped any longer.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<DiskImported> RunAsync(Func<IImageData, Task<DiskImported>> import, CancellationToken ct)
    {
        var (image, layers) = await Task.Run(
            () => Wrapping.Remove(new ImageDataStream(data, request.Connections, ct), data.Name, ImageInspector.BeginningSize), ct).ConfigureAwait(false);
        using (image)
        {
            var whole = image.Beginning.Length < ImageInspector.BeginningSize;
            ImageInspector.InspectBeginning(image.Beginning, whole, data.Name, DiskImport.Accepted);
            if (!image.Beginning.Span.StartsWith(Qcow2Parser.Magic))
                return await Task.Run(() => Unpack(image, layers, ct), ct).ConfigureAwait(false);

            var scratch = Path.Combine(request.ScratchDirectory ?? Path.GetDirectoryName(request.Target)!, $".{Path.GetFileName(request.Target)}.scratch");
            try
            {
                var length = await Task.Run(() => Spool(image, scratch, ct), ct).ConfigureAwait(false);
                using var spooled = new FileImageData(scratch, data.Name);
                var done = await import(spooled).ConfigureAwait(false);
                return done with { Layers = Names(layers), Read = data.Length, Scratch = length };
            }
            finally
            {
                File.Delete(scratch);
            }
        }
    }

    private DiskImported Unpack(PeekStream image, IReadOnlyList<Layer> layers, CancellationToken ct)
    {
        using var target = RawTarget.Create(request.Target, request.Size ?? 0);
        var length = Copy(image, target.Write, Math.Min(request.Size ?? long.MaxValue, target.Limit), ct);
        target.Resize(length);
        using var written = new WrittenStream(target, length);
        var info = ImageInspector.Inspect(written, data.Name, DiskImport.Accepted);
        target.Resize(request.Size ?? length);
        target.Complete();
        return new DiskImported(info, target.Size, data.Length) { Layers = Names(layers) };
    }

    private long Spool(PeekStream image, string scratch, CancellationToken ct)
    {
        try
        {
            using var file = File.OpenHandle(scratch, FileMode.Create, FileAccess.Write);
            return Copy(image, (offset, bytes) => RandomAccess.Write(file, bytes, offset), long.MaxValue, ct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.From(e, scratch);
        }
    }

    private long Copy(PeekStream image, PieceWriter write, long limit, CancellationToken ct)
    {
        var buffer = new byte[BufferSize];
        var length = 0L;
        try
        {
            while (image.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) is var count and > 0)
            {
                ct.ThrowIfCancellationRequested();
                if (length + count > limit)
                    throw new ImageException(ImageFailure.NoSpace, $"{data.Name} unpacks to more than the {limit} bytes that are wanted or there; take a larger disk");
                write(length, buffer.AsSpan(0, count));
                length += count;
            }
        }
        catch (InvalidDataException e)
        {
            throw new ImageException(ImageFailure.Refused, $"{data.Name} is refused as a disk image: {e.Message}; fetch or make it anew", e);
        }
        return length;
    }

    private static string[] Names(IReadOnlyList<Layer> layers) => [.. layers.Select(layer => layer.Name())];

    private delegate void PieceWriter(long offset, ReadOnlySpan<byte> bytes);
}
