using System.Security.Cryptography;
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
        var wantsSha512 = request.Checksum?.Algorithm == HashAlgorithmName.SHA512;
        var record = ImageRecord.Read(place, length, modified);
        if (record is null || wantsSha512 && record.Sha512 is null)
        {
            var (sha256, sha512) = await HashAsync(file, length, wantsSha512, meter, ct).ConfigureAwait(false);
            record = new ImageRecord(sha256.ToString(), length, modified, info.Format.Name(), sha512?.ToString(), record?.Source, record?.FetchedAt);
            Keep(record, place);
        }
        Demands.Checksum(request, record.Digest, record.Sha512, place.Image, "remove that file to have it fetched anew, or correct the checksum");
        return new BaseImage(place.Image, record.Digest, info.Format, info.VirtualSize, Fetched: false);
    }

    private static ImageInfo Inspect(SafeFileHandle file, string name, IReadOnlyCollection<ImageFormat> accepted)
    {
        using var borrowed = new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false);
        using var stream = new FileStream(borrowed, FileAccess.Read, 4096);
        return ImageInspector.Inspect(stream, name, accepted);
    }

    private static async Task<(Checksum, Checksum?)> HashAsync(
        SafeFileHandle file, long length, bool wantsSha512, FetchMeter meter, CancellationToken ct)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var sha512 = wantsSha512 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA512) : null;
        meter.Begin(FetchPhase.Hashing, 0, length, "no record of its digest yet");
        var buffer = new byte[Piece];
        for (var at = 0L; ;)
        {
            var count = await RandomAccess.ReadAsync(file, buffer, at, ct).ConfigureAwait(false);
            if (count == 0)
                break;
            sha256.AppendData(buffer, 0, count);
            sha512?.AppendData(buffer, 0, count);
            meter.At(at += count);
        }
        return (Checksum.Of(HashAlgorithmName.SHA256, sha256.GetHashAndReset()),
            sha512 is null ? null : Checksum.Of(HashAlgorithmName.SHA512, sha512.GetHashAndReset()));
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
