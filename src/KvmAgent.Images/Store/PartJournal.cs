using System.Text.Json;

namespace KvmAgent.Images.Store;

/// <summary>
/// How much of a part file is on the disk, and of which image it is, so that another process can go on where this one was killed. It is
/// never trusted without the server's word that the image is still the same: its strong validator.
/// </summary>
/// <param name="Source">As it is shown.</param>
/// <param name="Validator">The ETag, or a date that is as good.</param>
/// <param name="Total">The image's length in bytes.</param>
/// <param name="Received">Bytes that were brought to the disk, from the first on.</param>
internal sealed record PartJournal(string Source, string Validator, long Total, long Received)
{
    /// <summary>What a journal's name ends with before it replaces the last one.</summary>
    public const string New = "-new";

    private const int MaxLength = 64 * 1024;

    public bool IsOf(PartJournal other) => this with { Received = 0 } == other with { Received = 0 };

    /// <summary>The journal of a part; null where there is none that can be believed.</summary>
    public static PartJournal? Read(string path, long partLength)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var journal = stream.Length > MaxLength ? null : JsonSerializer.Deserialize(stream, StoreJson.Default.PartJournal);
            return journal is { Received: > 0 } && journal.Received <= Math.Min(journal.Total, partLength) ? journal : null;
        }
        catch (Exception e) when (e is FileNotFoundException or JsonException or IOException { HResult: Libc.Stale })
        {
            return null;
        }
    }

    /// <summary>Replaces it; a crash leaves the old one or the new one.</summary>
    public void Write(string path)
    {
        var temporary = path + New;
        using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
            RandomAccess.Write(file, JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.PartJournal), 0);
        File.Move(temporary, path, overwrite: true);
    }
}
