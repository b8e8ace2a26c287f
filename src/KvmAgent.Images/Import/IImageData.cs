using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>An image that was opened, and can be read from its first byte to its last.</summary>
internal interface IImageStream : IDisposable
{
    /// <summary>What errors call it: nothing secret.</summary>
    string Name { get; }

    /// <summary>Its length in bytes, where that is known before the end.</summary>
    long? TotalLength { get; }

    /// <summary>Whether only a reader who comes to the end is told that the bytes are the right ones.</summary>
    bool IsJudgedAtEnd => false;

    /// <summary>What is another when its content is: a manifest's digest, a server's ETag or the time of its last change. Null where nothing tells.</summary>
    string? Revision => null;

    /// <summary>Its bytes in order; reads block.</summary>
    /// <param name="ahead">How many pieces are asked for at once, where there are pieces.</param>
    /// <param name="ct">Ends a read that waits.</param>
    Stream ReadThrough(int ahead, CancellationToken ct);
}

/// <summary>An image whose bytes can be read at any place, and by several readers at once.</summary>
internal interface IImageData : IImageStream
{
    long Length { get; }

    long? IImageStream.TotalLength => Length;

    /// <summary>All of it as a stream that can seek, for the inspector.</summary>
    Stream OpenRead();

    /// <summary>Fills the buffer; the range must lie inside.</summary>
    /// <exception cref="ImageException">The bytes cannot be had.</exception>
    ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct);

    Stream IImageStream.ReadThrough(int ahead, CancellationToken ct) => new ImageDataStream(this, ahead, ct);
}

internal static class ImageDataInspection
{
    public static async Task<bool> IsWrappedAsync(this IImageData data, CancellationToken ct)
    {
        var beginning = new byte[Math.Min(LayerSigns.Needed, data.Length)];
        await data.ReadAsync(0, beginning, ct).ConfigureAwait(false);
        return LayerSigns.Find(beginning) is not null;
    }

    /// <exception cref="ImageException">It is refused.</exception>
    public static async Task<ImageInfo> InspectAsync(this IImageData data, IReadOnlyCollection<ImageFormat> accepted, CancellationToken ct)
    {
        using var content = data.OpenRead();
        return await OwnThread.RunAsync(() => ImageInspector.Inspect(content, data.Name, accepted), ct).ConfigureAwait(false);
    }
}
