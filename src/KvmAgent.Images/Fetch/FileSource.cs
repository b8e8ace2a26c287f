using KvmAgent.Images.Import;
using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Fetch;

/// <summary>A file on this machine, copied with the same checks as one from afar.</summary>
internal sealed class FileSource(string path) : ImageSource
{
    public override string Shown => path;

    /// <param name="url"><c>file:///PATH</c>.</param>
    public static FileSource OfUrl(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && address is { IsFile: true, Host: "" }
        ? new FileSource(address.LocalPath)
        : throw new ImageException(ImageFailure.Settings, $"the image source '{url}' names no file of this machine; write file:///PATH, or the path alone");

    public override Task<IImageStream> OpenAsync(TimeProvider time, StoreTimings timings, CancellationToken ct) =>
        Task.FromResult<IImageStream>(new FileImageData(path));

    public override async Task FetchAsync(PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        using var file = Open(out var allocated);
        var (length, modified) = (RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
        part.DemandSpace(Math.Min(length, allocated));
        meter.Begin(FetchPhase.Fetching, 0, length);
        while (await ReadAsync(file, part, ct).ConfigureAwait(false) is var count and > 0)
        {
            part.Advance(count);
            meter.At(part.Received);
        }
        if (part.Received != length || RandomAccess.GetLength(file) != length || File.GetLastWriteTimeUtc(file) != modified)
            throw new ImageException(ImageFailure.Unavailable, $"{path} changed while it was copied; start again when it is complete");
    }

    private SafeFileHandle Open(out long allocated)
    {
        try
        {
            // Opening a pipe would wait for ever, and a device has no end.
            var file = Libc.Stat(path)
                ?? throw new ImageException(ImageFailure.Unavailable, $"{path} does not exist; check the path and that its volume is mounted");
            if (!file.IsRegular)
                throw new ImageException(ImageFailure.Refused, $"{path} is refused as a disk image: it is not a regular file");
            allocated = file.Allocated;
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(e);
        }
    }

    private async ValueTask<int> ReadAsync(SafeFileHandle file, PartFile part, CancellationToken ct)
    {
        try
        {
            return await RandomAccess.ReadAsync(file, part.Space, part.Received, ct).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw Unreadable(e);
        }
    }

    private ImageException Unreadable(Exception e) =>
        new(ImageFailure.Unavailable, $"{path} cannot be read: {e.Message}", e);
}
