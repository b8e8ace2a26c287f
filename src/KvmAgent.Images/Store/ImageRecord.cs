using System.Text.Json;
using KvmAgent.Images.Inspect;

namespace KvmAgent.Images.Store;

/// <summary>
/// What is known of an image, beside it. It holds only while length and modification time are the file's; it saves
/// reading the whole image at every start and proves nothing against someone who can write to the volume.
/// It is written before the image appears, and a hard link keeps the modification time, so that nobody who sees
/// the image must hash it.
/// </summary>
internal sealed record ImageRecord(
    string Digest, long Size, DateTime Modified, string Format, string? Checksum = null, string? Source = null, DateTimeOffset? FetchedAt = null)
{
    private const int MaxLength = 64 * 1024;

    public static ImageRecord Of(ImageDigests digests, ImageInfo info, DateTime modified, string? source, DateTimeOffset? fetchedAt) =>
        new(digests.Sha256.ToString(), info.FileSize, modified, info.Format.Name(), digests.Other?.ToString(), source, fetchedAt);

    /// <summary>What it says of the digests.</summary>
    public ImageDigests Digests() => new(Images.Checksum.Parse(Digest), Images.Checksum.TryParse(Checksum, out var other) ? other : null);

    /// <summary>The record, if it is that of a file of this length and time.</summary>
    public static ImageRecord? Read(StorePlace place, long length, DateTime modified)
    {
        try
        {
            using var stream = new FileStream(place.Record, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > MaxLength)
                return null;
            var record = JsonSerializer.Deserialize(stream, StoreJson.Default.ImageRecord);
            return record is not null && Images.Checksum.TryParse(record.Digest, out _)
                && record.Size == length && record.Modified == modified ? record : null;
        }
        catch (Exception e) when (e is FileNotFoundException or JsonException or IOException { HResult: Libc.Stale })
        {
            return null;
        }
    }

    public void Write(StorePlace place)
    {
        var temporary = place.Temporary(StorePlace.NewId(), "json");
        try
        {
            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.ImageRecord), 0);
                RandomAccess.FlushToDisk(file);
            }
            File.Move(temporary, place.Record, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
