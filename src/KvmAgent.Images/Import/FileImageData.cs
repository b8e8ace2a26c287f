using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Import;

/// <summary>A file on this machine.</summary>
internal sealed class FileImageData : IImageData
{
    private readonly SafeFileHandle _file;

    /// <param name="path">The file.</param>
    /// <param name="name">What errors call it, where it is a copy of something.</param>
    public FileImageData(string path, string? name = null)
    {
        (Path, Name) = (path, name ?? path);
        try
        {
            // Opening a pipe would wait for ever.
            if (Libc.Stat(path) is { IsRegular: false })
                throw new ImageException(ImageFailure.Refused, $"{Name} is refused as a disk image: it is not a regular file");
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Length = RandomAccess.GetLength(_file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(e.Message, e);
        }
    }

    public string Path { get; }

    /// <summary>Open until this is disposed.</summary>
    public SafeFileHandle Handle => _file;

    public string Name { get; }

    public long Length { get; }

    public async ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct)
    {
        try
        {
            while (into.Length > 0)
            {
                var count = await RandomAccess.ReadAsync(_file, into, offset, ct).ConfigureAwait(false);
                if (count == 0)
                    throw Unreadable($"it ends at byte {offset}, and was {Length} bytes long when it was opened");
                (offset, into) = (offset + count, into[count..]);
            }
        }
        catch (IOException e)
        {
            throw Unreadable(e.Message, e);
        }
    }

    public Stream OpenRead()
    {
        try
        {
            return new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4096);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(e.Message, e);
        }
    }

    public void Dispose() => _file.Dispose();

    private ImageException Unreadable(string why, Exception? e = null) =>
        new(ImageFailure.Unavailable, $"{Name} cannot be read: {why}", e);
}
