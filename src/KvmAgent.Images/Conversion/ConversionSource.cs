using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Conversion;

/// <summary>
/// A disk that is to be converted, opened once and judged before qemu-img sees it. A guest writes what it likes into its raw disk, also
/// the header of a qcow2 image that names another file: who knows the format says it, and then nothing in the disk is looked at.
/// </summary>
internal sealed class ConversionSource : IDisposable
{
    private readonly FileStream _stream;
    private readonly Qcow2Header? _qcow2;
    private readonly ConversionSource? _base;

    private ConversionSource(string path, ImageFormat? format, string? backing)
    {
        _stream = Open(path);
        try
        {
            (Format, Size, _qcow2) = Judge(path, format, backing);
            if (_qcow2?.BackingFile is not null)
                _base = OpenBase(path, backing!, _qcow2.BackingFormat);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ImageFormat Format { get; }

    /// <summary>Of the disk, in bytes. QEMU counts in sectors.</summary>
    public long Size { get; }

    public QemuImgNode Node => new(Format.QemuDriver(), Handle, _stream.Name) { Backing = _base?.Node };

    private SafeFileHandle Handle => _stream.SafeFileHandle;

    /// <param name="path">A full path.</param>
    /// <param name="format">Raw or qcow2 where it is known; null to find out.</param>
    /// <param name="backing">The one file that a qcow2 image may and must name below it.</param>
    /// <exception cref="ImageException">It cannot be read, or must not be.</exception>
    public static ConversionSource Open(string path, ImageFormat? format, string? backing)
    {
        try
        {
            return new ConversionSource(path, format, backing);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.Unavailable, $"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>How many bytes of the disk are allocated; null where a base is below, and nobody knows how much of it is covered.</summary>
    public async Task<long?> AllocatedAsync(CancellationToken ct)
    {
        if (_base is not null)
            return null;
        if (_qcow2 is null)
            return Libc.Stat(Handle.Path)!.Value.Allocated;
        using var data = new FileImageData(Handle.Path, _stream.Name);
        return await new Qcow2Map(data, _qcow2).CountAsync(ct).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _base?.Dispose();
        _stream.Dispose();
    }

    private static FileStream Open(string path)
    {
        // Opening a pipe would wait for ever.
        if (Libc.Stat(path) is { IsRegular: false })
            throw Refuse(path, "it is not a regular file; name the file of a disk");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4096);
    }

    private (ImageFormat Format, long Size, Qcow2Header? Qcow2) Judge(string path, ImageFormat? format, string? backing)
    {
        var bytes = new ImageBytes(_stream, whole: true);
        if (format == ImageFormat.Raw && bytes.Length > 0)
            return (ImageFormat.Raw, (bytes.Length + 511) / 512 * 512, null);
        if (format == ImageFormat.Qcow2 || format is null && bytes.Has(0, Qcow2Parser.Magic))
        {
            var header = Qcow2Parser.Parse(bytes, path);
            CheckBacking(path, header.BackingFile, backing);
            Qcow2Policy.Demand(header with { BackingFile = null }, path);
            // Said to be qcow2, or vouched for by who knows its base; otherwise it has to be nothing else beside.
            if (format is null && backing is null)
                ImageInspector.Inspect(_stream, path, ImageFormatNames.ForGuests);
            return (ImageFormat.Qcow2, header.VirtualSize, header);
        }
        if (backing is not null)
            throw Refuse(path, $"it is no qcow2 image and so not on {backing}; leave the backing file out");
        var image = ImageInspector.Inspect(_stream, path, ImageFormatNames.ForGuests);
        return (image.Format, (image.VirtualSize + 511) / 512 * 512, null);
    }

    private static void CheckBacking(string path, string? named, string? wanted)
    {
        if (named is null && wanted is not null)
            throw Refuse(path, $"it has no backing file, and so is not on {wanted}; leave the backing file out");
        // Only with the caller's word: a guest may have written this header into its raw disk (CVE-2015-5163).
        if (named is not null && wanted is null)
            throw Refuse(path, $"it names a backing file ('{named}'); if it is an overlay of yours, name that file as its backing file, and if it is a guest's raw disk, say so");
        if (named is not null && Path.GetFullPath(named, Path.GetDirectoryName(path)!) != wanted)
            throw Refuse(path, $"its backing file is '{named}', not {wanted}; name the base that it was made on");
    }

    private static ConversionSource OpenBase(string path, string backing, string? format)
    {
        var below = Open(backing, null, null);
        if (format is null || format == below.Format.QemuDriver())
            return below;
        below.Dispose();
        throw Refuse(path, $"it says that {backing} is {format}, but that is {below.Format.Name()}; take the base that it was made on");
    }

    private static ImageException Refuse(string path, string why) => new(ImageFailure.Refused, $"{path} is refused as a disk image: {why}");
}
