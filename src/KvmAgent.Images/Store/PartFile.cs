using KvmAgent.Images.Inspect;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Store;

/// <summary>
/// An image on its way: bytes come in order into a buffer of 256 KiB; they are hashed as they come, the first of them
/// inspected before anything is written, and blocks of zeroes become holes. Disposing removes the file, unless it is to be kept for another
/// process that goes on with it: of an image that is pinned, a journal beside the file tells how much of it is on the disk.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const int BufferSize = 256 * 1024;
    private const int Block = 64 * 1024;

    // Less is fetched anew sooner than it is looked for.
    private const long LeastKept = 4 << 20;

    private readonly StorePlace _place;
    private readonly string _name;
    private readonly long _journalEvery;
    private readonly IReadOnlyCollection<ImageFormat> _accepted;
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly FileStream _stream;
    private readonly SafeFileHandle _file;
    private readonly ImageHash _hash;
    private PartJournal? _journal;
    private Task _journaling = Task.CompletedTask;
    private int _filled;
    private long _written;
    private bool _inspected;
    private bool _kept;

    /// <param name="place">Where the image shall be.</param>
    /// <param name="id">Nobody else's.</param>
    /// <param name="name">What errors call the image: its source.</param>
    /// <param name="accepted">The formats it may be of.</param>
    /// <param name="checksum">What it will be compared with.</param>
    /// <param name="timings">How often there is something for the journal.</param>
    public PartFile(StorePlace place, string id, string name, IReadOnlyCollection<ImageFormat> accepted, Checksum? checksum, StoreTimings timings)
    {
        (_place, _name, _accepted, _journalEvery) = (place, name, accepted, timings.JournalEvery);
        Path = place.Temporary(id, StorePlace.PartKind);
        _stream = Guard(() => new FileStream(Path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }));
        _file = _stream.SafeFileHandle;
        _hash = new ImageHash(checksum);
    }

    public string Path { get; }

    public long Received => _written + _filled;

    /// <summary>Where the next bytes go; never empty.</summary>
    public Memory<byte> Space => _buffer.AsMemory(_filled);

    public void Advance(int count)
    {
        _hash.Append(_buffer.AsSpan(_filled, count));
        _filled += count;
        if (_filled == BufferSize)
            Flush(last: false);
    }

    /// <summary>Says which image it is, so that another process can go on with it.</summary>
    public void Pin(string validator, long total) => _journal = new PartJournal(_name, validator, total, 0);

    /// <summary>
    /// Takes over what a dead process left of the pinned image. It is copied, hashed on the way: who is believed to be dead may
    /// still be writing to its file, and this one is ours alone.
    /// </summary>
    /// <returns>Whether there was any.</returns>
    public bool TryResume(CancellationToken ct)
    {
        if (_journal is not { } mine)
            return false;
        var left = Guard(_place.Resumable);
        // Where there is no room for the copy beside it, it has to go.
        if (left.FirstOrDefault(l => l.Journal.IsOf(mine)) is (string part, var journal) && StorageFault.HasSpace(_place.Folder, mine.Total))
            Take(part, journal, ct);
        foreach (var (path, _) in left)
            Guard(() => StorePlace.RemovePart(path));
        return Received > 0;
    }

    /// <summary>Leaves what has come for another process, if it is worth it and can be gone on with.</summary>
    public void Keep()
    {
        if (_journal is null || Received < LeastKept)
            return;
        Flush(last: false);
        Wait();
        Guard(() => Journal(_journal with { Received = _written }));
        _kept = true;
    }

    /// <summary>Forgets all; the source begins anew.</summary>
    public void Restart()
    {
        Clear();
        _journal = null;
    }

    private void Clear()
    {
        Wait();
        // First of all: who copies from here looks for it afterwards.
        File.Delete(JournalPath);
        _journal = _journal is null ? null : _journal with { Received = 0 };
        (_filled, _written, _inspected) = (0, 0, false);
        _hash.Finish();
        Guard(() => RandomAccess.SetLength(_file, 0));
    }

    /// <summary>Fails before anything is written when the rest of <paramref name="total"/> bytes has no room.</summary>
    public void DemandSpace(long total) =>
        StorageFault.DemandSpace(_place.Folder, total - Received, _name);

    /// <summary>All has come: writes the rest and tells the digests.</summary>
    public ImageDigests Finish()
    {
        Flush(last: true);
        Wait();
        Guard(() => RandomAccess.SetLength(_file, _written));
        return _hash.Finish();
    }

    /// <summary>The finished image, refused or accepted.</summary>
    public ImageInfo Inspect() => Guard(() => ImageInspector.Inspect(_stream, _name, _accepted));

    /// <summary>Makes it read-only and brings it to the disk; the time is the one the record needs.</summary>
    public DateTime Seal() => Guard(() =>
    {
        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        RandomAccess.FlushToDisk(_file);
        return File.GetLastWriteTimeUtc(_file);
    });

    public void Dispose()
    {
        // What is wrong with the disk was told, or is nobody's concern any more.
        _journaling.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        _stream.Dispose();
        _hash.Dispose();
        if (!_kept)
            StorePlace.RemovePart(Path);
    }

    private string JournalPath => System.IO.Path.ChangeExtension(Path, StorePlace.JournalKind);

    private void Take(string path, PartJournal journal, CancellationToken ct)
    {
        using var left = Guard(() => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        while (Received < journal.Received)
        {
            ct.ThrowIfCancellationRequested();
            var most = (int)Math.Min(BufferSize - _filled, journal.Received - Received);
            var count = Guard(() => RandomAccess.Read(left, _buffer.AsSpan(_filled, most), Received));
            if (count == 0)
                break;
            Advance(count);
        }
        // One who lives all the same, and has begun anew there, removed its journal before.
        if (PartJournal.Read(System.IO.Path.ChangeExtension(path, StorePlace.JournalKind), long.MaxValue)?.IsOf(journal) != true)
            Clear();
    }

    private void Wait() => Guard(() => _journaling.GetAwaiter().GetResult());

    // Not to be waited for: what comes meanwhile is written beside.
    private void JournalNowAndThen()
    {
        if (_journal is not { } journal || _written - journal.Received < _journalEvery || !_journaling.IsCompleted)
            return;
        Wait();
        _journal = journal with { Received = _written };
        _journaling = Task.Run(() => Journal(_journal));
    }

    private void Journal(PartJournal journal)
    {
        RandomAccess.FlushToDisk(_file);
        journal.Write(JournalPath);
    }

    private void Flush(bool last)
    {
        if (!_inspected)
            ImageInspector.InspectBeginning(_buffer.AsMemory(0, _filled), last, _name, _accepted);
        _inspected = true;
        Guard(() => SparseFile.Write(_file, _buffer.AsSpan(0, _filled), _written, Block));
        _written += _filled;
        _filled = 0;
        JournalNowAndThen();
    }

    private void Guard(Action action) => Guard(() =>
    {
        action();
        return 0;
    });

    private T Guard<T>(Func<T> action) => StorageFault.Guard(Path, action);
}
