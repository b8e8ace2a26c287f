using KvmAgent.Images.Inspect;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Store;

/// <summary>
/// An image on its way: bytes come in order into a buffer of 256 KiB; they are hashed as they come, the first of them
/// inspected before anything is written, and blocks of zeroes become holes. Disposing removes the file.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const int BufferSize = 256 * 1024;
    private const int Block = 64 * 1024;

    private readonly string _name;
    private readonly IReadOnlyCollection<ImageFormat> _accepted;
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly FileStream _stream;
    private readonly SafeFileHandle _file;
    private readonly ImageHash _hash;
    private int _filled;
    private long _written;
    private bool _inspected;

    /// <param name="path">Must not exist.</param>
    /// <param name="name">What errors call the image: its source.</param>
    /// <param name="accepted">The formats it may be of.</param>
    /// <param name="checksum">What it will be compared with.</param>
    public PartFile(string path, string name, IReadOnlyCollection<ImageFormat> accepted, Checksum? checksum)
    {
        (Path, _name, _accepted) = (path, name, accepted);
        _stream = Guard(() => new FileStream(path, new FileStreamOptions
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

    /// <summary>Forgets all; the source begins anew.</summary>
    public void Restart()
    {
        (_filled, _written, _inspected) = (0, 0, false);
        _hash.Finish();
        Guard(() => RandomAccess.SetLength(_file, 0));
    }

    /// <summary>Fails before anything is written when the rest of <paramref name="total"/> bytes has no room.</summary>
    public void DemandSpace(long total) =>
        StorageFault.DemandSpace(System.IO.Path.GetDirectoryName(Path)!, total - Received, _name);

    /// <summary>All has come: writes the rest and tells the digests.</summary>
    public ImageDigests Finish()
    {
        Flush(last: true);
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
        _stream.Dispose();
        _hash.Dispose();
        File.Delete(Path);
    }

    private void Flush(bool last)
    {
        if (!_inspected)
            ImageInspector.InspectBeginning(_buffer.AsMemory(0, _filled), last, _name, _accepted);
        _inspected = true;
        Guard(() => SparseFile.Write(_file, _buffer.AsSpan(0, _filled), _written, Block));
        _written += _filled;
        _filled = 0;
    }

    private void Guard(Action action) => Guard(() =>
    {
        action();
        return 0;
    });

    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.From(e, Path);
        }
    }
}
