namespace KvmAgent.Images.Import;

/// <summary>An image's bytes, to be read at any place and by several readers at once.</summary>
internal interface IImageData : IDisposable
{
    /// <summary>What errors call it: nothing secret.</summary>
    string Name { get; }

    long Length { get; }

    /// <summary>All of it as a stream that can seek, for the inspector.</summary>
    Stream OpenRead();

    /// <summary>Fills the buffer; the range must lie inside.</summary>
    /// <exception cref="ImageException">The bytes cannot be had.</exception>
    ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct);
}
