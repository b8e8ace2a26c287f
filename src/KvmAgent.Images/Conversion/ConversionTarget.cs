using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Conversion;

/// <summary>The file that is being made: beside its name until it is whole and on the disk.</summary>
internal sealed class ConversionTarget : IDisposable
{
    private readonly string _path;
    private readonly bool _replace;
    private readonly string _part;
    private readonly FileStream _stream;
    private bool _complete;

    private ConversionTarget(string path, bool replace)
    {
        (_path, _replace) = (path, replace);
        _part = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.part");
        // One writer at a time is the caller's to see to; so what is there is a dead one's.
        File.Delete(_part);
        _stream = new FileStream(_part, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, 4096);
    }

    public SafeFileHandle Handle => _stream.SafeFileHandle;

    /// <summary>In bytes.</summary>
    public long Length => RandomAccess.GetLength(Handle);

    /// <param name="path">A full path; its directory must exist.</param>
    /// <param name="replace">Whether a file of that name may be there.</param>
    /// <exception cref="ImageException">It cannot be made there.</exception>
    public static ConversionTarget Create(string path, bool replace) => StorageFault.Guard(path, () =>
    {
        switch (Libc.Stat(path))
        {
            case { IsBlockDevice: true }:
                throw new ImageException(ImageFailure.Settings, $"{path} is a block device, and a conversion makes files; import a disk onto a device instead");
            case { IsRegular: false }:
                throw new ImageException(ImageFailure.Settings, $"{path} is there and no file; take another name");
            case not null when !replace:
                throw Exists(path);
        }
        return new ConversionTarget(path, replace);
    });

    /// <summary>Looks at what was made as at a stranger's: its format and size are what they should be.</summary>
    public void Demand(ImageFormat format, long size) => StorageFault.Guard(_path, () =>
    {
        var bytes = new ImageBytes(_stream, whole: true);
        var made = format switch
        {
            ImageFormat.Qcow2 => Qcow2Parser.Parse(bytes, _path).VirtualSize,
            ImageFormat.Vmdk => VmdkParser.Parse(bytes, _path).VirtualSize,
            ImageFormat.Vhd => VhdParser.Parse(bytes, _path).VirtualSize,
            ImageFormat.Vhdx => VhdxParser.Parse(bytes, _path).VirtualSize,
            _ => bytes.Length,
        };
        return made == size
            ? made
            : throw new ImageException(ImageFailure.Refused, $"qemu-img made {_path} a disk of {made} bytes instead of {size}; check the source (qemu-img check)");
    });

    /// <summary>Brings it to the disk, and then makes it appear.</summary>
    public void Complete() => StorageFault.Guard(_path, () =>
    {
        RandomAccess.FlushToDisk(Handle);
        if (_replace)
            File.Move(_part, _path, overwrite: true);
        else
            Appear();
        Libc.SyncDirectory(Path.GetDirectoryName(_path)!);
        return _complete = true;
    });

    public void Dispose()
    {
        _stream.Dispose();
        if (!_complete)
            File.Delete(_part);
    }

    private void Appear()
    {
        var error = Libc.RenameNew(_part, _path);
        if (error == 0)
            return;
        if (error == Libc.Exists || Publication.Appear(_part, _path) == Appeared.Exists)
            throw Exists(_path);
        File.Delete(_part);
    }

    private static ImageException Exists(string path) =>
        new(ImageFailure.Settings, $"{path} is there already; take another name, or ask for it to be replaced");
}
