namespace KvmAgent.Images.Store;

/// <summary>
/// The names an image has on the volume: <c>NAME</c>, its record <c>NAME.json</c>, the claim <c>.NAME.claim</c>, and
/// <c>.NAME.ID.kind</c> for what one process writes before it is renamed or linked.
/// </summary>
internal sealed class StorePlace
{
    public const string PartKind = "part", JournalKind = "journal";

    private const int MaxName = 180; // 255 less what temporary names add

    public StorePlace(BaseImageRequest request)
    {
        (Folder, Name) = (request.Directory, request.Name);
        if (!Path.IsPathFullyQualified(Folder))
            throw Wrong($"the image directory '{Folder}' is not an absolute path");
        if (!Directory.Exists(Folder))
            throw new ImageException(ImageFailure.Unwritable, $"the image directory {Folder} does not exist; mount the shared volume there");
        if (Name.Length is 0 or > MaxName || Name.StartsWith('.') || Name.Contains('/') || Name.Any(char.IsControl)
            || System.Text.Encoding.UTF8.GetByteCount(Name) > MaxName)
            throw Wrong($"the image name '{Name}' cannot be used; give a plain file name without '/' or a leading '.', of at most {MaxName} bytes");
        if (Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            throw Wrong($"the image name '{Name}' ends in .json, as the records beside images do; give another");
    }

    public string Folder { get; }

    public string Name { get; }

    public string Image => Path.Combine(Folder, Name);

    public string Record => Path.Combine(Folder, $"{Name}.json");

    public string Claim => Path.Combine(Folder, $".{Name}.claim");

    public static string NewId() => Guid.NewGuid().ToString("n");

    public string Temporary(string id, string kind) => Path.Combine(Folder, $".{Name}.{id}.{kind}");

    /// <summary>True where the image is; a claim taken just before makes even a network file system look afresh.</summary>
    public bool HasImage() => Libc.Stat(Image) switch
    {
        null when new FileInfo(Image).LinkTarget is { } target =>
            throw new ImageException(ImageFailure.Unwritable, $"{Image} is a link to {target}, where nothing is; remove it"),
        null => false,
        { IsRegular: true } => true,
        _ => throw new ImageException(ImageFailure.Unwritable, $"{Image} is not a regular file; remove it"),
    };

    /// <summary>The parts that dead processes left with a journal, and what it says; most received first.</summary>
    public IReadOnlyList<(string Part, PartJournal Journal)> Resumable() =>
    [
        .. from journal in Directory.EnumerateFiles(Folder, $".{Name}.*.{JournalKind}")
           where IsLeftover(journal, imageIsThere: true)
           let part = Path.ChangeExtension(journal, PartKind)
           where File.Exists(part)
           let read = PartJournal.Read(journal, new FileInfo(part).Length)
           where read is not null
           orderby read.Received descending
           select (part, read),
    ];

    /// <summary>Removes a part and its journal.</summary>
    public static void RemovePart(string part)
    {
        File.Delete(Path.ChangeExtension(part, JournalKind));
        File.Delete(part);
    }

    /// <summary>
    /// Removes what dead processes left, but for parts that could be gone on with. Who calls this holds the claim, or the image is there: a fetcher that is alive
    /// all the same has lost its claim and ends, or finds its part gone when it wants to publish it.
    /// </summary>
    public void RemoveLeftovers(bool imageIsThere)
    {
        try
        {
            var kept = imageIsThere ? [] : Resumable().SelectMany(r => new[] { r.Part, Path.ChangeExtension(r.Part, JournalKind) }).ToHashSet();
            foreach (var path in Directory.EnumerateFiles(Folder, $".{Name}.*").Where(path => IsLeftover(path, imageIsThere) && !kept.Contains(path)))
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They cost room and nothing else; on a read-only volume they stay.
        }
    }

    // While an image is there, others may be writing its record or be hashing it; a claim on it is of no more use.
    private bool IsLeftover(string path, bool imageIsThere)
    {
        if (path == Claim)
            return imageIsThere;
        var parts = Path.GetFileName(path)[(Name.Length + 2)..].Split('.');
        return parts is [{ Length: 32 } id, var kind] && id.All(char.IsAsciiHexDigitLower)
            && (kind is PartKind or JournalKind or JournalKind + PartJournal.New or "claim" or "stale" || kind == "json" && !imageIsThere);
    }

    private static ImageException Wrong(string message) => new(ImageFailure.Settings, message);
}
