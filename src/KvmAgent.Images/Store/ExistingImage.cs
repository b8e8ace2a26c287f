using KvmAgent.Images.Inspect;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Store;

/// <summary>An image that is in its place already: by us, or put there by hand.</summary>
internal static class ExistingImage
{
    private const int Piece = 256 * 1024;

    public static async Task<BaseImage> UseAsync(StorePlace place, BaseImageRequest request, FetchMeter meter, CancellationToken ct)
    {
        using var file = File.OpenHandle(place.Image, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        var info = Inspect(file, place.Image, request.Accepted);
        Demands.Format(info, request, place.Image);

        var (length, modified) = (RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
        var record = ImageRecord.Read(place, length, modified);
        if (record is null || request.Checksum is { } wanted && record.Digests().Of(wanted.Algorithm) is null)
        {
            var digests = await HashAsync(file, length, request.Checksum, meter, ct).ConfigureAwait(false);
            record = ImageRecord.Of(digests, info, modified, record?.Source, record?.FetchedAt);
            Keep(record, place);
        }
        record.Digests().Demand(request.Checksum, place.Image, "remove that file to have it fetched anew, or correct the checksum");
        return new BaseImage(place.Image, record.Digest, info.Format, info.VirtualSize, Fetched: false);
    }

    private static ImageInfo Inspect(SafeFileHandle file, string name, IReadOnlyCollection<ImageFormat> accepted)
    {
        using var borrowed = new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false);
        using var stream = new FileStream(borrowed, FileAccess.Read, 4096);
        return ImageInspector.Inspect(stream, name, accepted);
    }

    private static async Task<ImageDigests> HashAsync(SafeFileHandle file, long length, Checksum? wanted, FetchMeter meter, CancellationToken ct)
    {
        using var hash = new ImageHash(wanted);
        meter.Begin(FetchPhase.Hashing, 0, length, "no record of its digest yet");
        var buffer = new byte[Piece];
        for (var at = 0L; ;)
        {
            var count = await RandomAccess.ReadAsync(file, buffer, at, ct).ConfigureAwait(false);
            if (count == 0)
                return hash.Finish();
            hash.Append(buffer.AsSpan(0, count));
            meter.At(at += count);
        }
    }

    private static void Keep(ImageRecord record, StorePlace place)
    {
        try
        {
            record.Write(place);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // On a volume that is full or read-only the image serves all the same; the next start hashes it again.
        }
    }
}
