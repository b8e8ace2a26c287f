using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Import;

/// <summary>
/// A raw disk that is being written: a sparse file, which gets its name when it is complete, or a block device, whose first bytes come
/// last, so that a half disk does not look like one. Blocks of zeroes are not written: both begin as zeroes.
/// </summary>
internal sealed class RawTarget : IDisposable
{
    private const int HeadSize = 1 << 20;

    private readonly string _path;
    private readonly string _written;
    private readonly SafeFileHandle _file;
    private readonly byte[]? _head;
    private readonly WriteBehind _writeBehind;
    private bool _complete;

    private RawTarget(string path, string written, SafeFileHandle file, long size, long? room)
    {
        (_path, _written, _file, Size) = (path, written, file, size);
        Limit = room ?? StorageFault.VolumeSize(path);
        _head = room is { } all ? new byte[Math.Min(HeadSize, all)] : null;
        _writeBehind = new WriteBehind(file);
    }

    /// <summary>In bytes.</summary>
    public long Size { get; private set; }

    /// <summary>For another program to write to; of a file that is not complete yet.</summary>
    public SafeFileHandle Handle => _file;

    /// <summary>Removes what an earlier try left, and begins.</summary>
    /// <param name="path">A block device, or the name that the file shall have; its directory must exist.</param>
    /// <param name="size">In bytes; a device may be larger.</param>
    /// <exception cref="ImageException">It cannot be written, or the device is too small.</exception>
    public static RawTarget Create(string path, long size) => StorageFault.Guard(path, () =>
        Libc.Stat(path) is { IsBlockDevice: true } ? OpenDevice(path, size) : CreateFile(path, size));

    /// <summary>Removes what a dead import to a file left. One writer at a time is the caller's to see to; so what is there is a dead one's.</summary>
    public static void RemoveLeftover(string path) => StorageFault.Guard(path, () =>
    {
        File.Delete(PartOf(path));
        return true;
    });

    /// <summary>Makes the disk as long as it turned out to be; what lies behind that is gone.</summary>
    public void Resize(long size) => StorageFault.Guard(_path, () =>
    {
        if (_head is null)
            RandomAccess.SetLength(_file, size);
        else if (size < Size)
        {
            Libc.Zero(_file, size, Size - size);
            _head.AsSpan((int)Math.Min(size, _head.Length)).Clear();
        }
        return Size = size;
    });

    /// <summary>Reads what was written.</summary>
    /// <returns>Bytes read: fewer than asked for at the end of a file.</returns>
    public int Read(long offset, Span<byte> into) => _head is not null && offset < _head.Length
        ? Copy(_head.AsSpan((int)offset), into)
        : RandomAccess.Read(_file, into, offset);

    /// <summary>Fails where a file's volume has too little room for so many bytes of it. A device has its room already.</summary>
    public void DemandSpace(long allocated, string name)
    {
        if (_head is null)
            StorageFault.DemandSpace(Path.GetDirectoryName(_path)!, allocated, name);
    }

    /// <summary>Has the volume give all of a file's room; a device has its room already.</summary>
    public void Preallocate() => StorageFault.Guard(_path, () =>
    {
        if (_head is null)
            Libc.Allocate(_file, Size);
        return Size;
    });

    /// <summary>How long the disk can become, in bytes: a device's room, or the size of the file's volume.</summary>
    public long Limit { get; }

    /// <summary>Writes data, but for its blocks of zeroes; from several threads at once.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (_head is not null && offset < _head.Length)
        {
            var count = (int)Math.Min(data.Length, _head.Length - offset);
            data[..count].CopyTo(_head.AsSpan((int)offset));
            offset += count;
            data = data[count..];
        }
        try
        {
            _writeBehind.Write(offset, data);
        }
        catch (IOException e)
        {
            throw StorageFault.From(e, _path);
        }
    }

    /// <summary>Brings all to the disk, and then makes it appear.</summary>
    public void Complete() => StorageFault.Guard(_path, () =>
    {
        RandomAccess.FlushToDisk(_file);
        if (_head is not null)
        {
            RandomAccess.Write(_file, _head, 0);
            RandomAccess.FlushToDisk(_file);
        }
        else
        {
            File.Move(_written, _path, overwrite: true);
            Libc.SyncDirectory(Path.GetDirectoryName(_path)!);
        }
        return _complete = true;
    });

    public void Dispose()
    {
        _file.Dispose();
        if (!_complete && _head is null)
            File.Delete(_written);
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        var count = Math.Min(from.Length, to.Length);
        from[..count].CopyTo(to);
        return count;
    }

    private static string PartOf(string path) => Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.part");

    private static RawTarget CreateFile(string path, long size)
    {
        var written = PartOf(path);
        File.Delete(written);
        var file = File.OpenHandle(written, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
        try
        {
            RandomAccess.SetLength(file, size);
        }
        catch
        {
            file.Dispose();
            File.Delete(written);
            throw;
        }
        return new RawTarget(path, written, file, size, room: null);
    }

    private static RawTarget OpenDevice(string path, long size)
    {
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        try
        {
            var room = Libc.DeviceSize(file);
            if (room < size)
                throw new ImageException(ImageFailure.NoSpace, $"{path} has {room} bytes, but the disk needs {size}; take a larger volume");
            Libc.Zero(file, 0, room);
            return new RawTarget(path, path, file, size, room);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
