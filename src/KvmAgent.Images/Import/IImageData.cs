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
    /// <exception cref="ImageException">It is refused.</exception>
    public static async Task<ImageInfo> InspectAsync(this IImageData data, IReadOnlyCollection<ImageFormat> accepted, CancellationToken ct)
    {
        using var content = data.OpenRead();
        return await OwnThread.RunAsync(() => ImageInspector.Inspect(content, data.Name, accepted), ct).ConfigureAwait(false);
    }
}
