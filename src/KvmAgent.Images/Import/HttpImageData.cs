using KvmAgent.Images.Fetch;

namespace KvmAgent.Images.Import;

/// <summary>An image on a server that answers ranges. It owns the client.</summary>
internal sealed class HttpImageData : IImageData
{
    private readonly HttpClient _client;
    private readonly HttpRanges _ranges;
    private readonly CancellationToken _ct;
    private readonly Action<string>? _trouble;

    /// <param name="client">Disposed with it.</param>
    /// <param name="ranges">The image.</param>
    /// <param name="ct">Ends what waits in <see cref="OpenRead"/>.</param>
    /// <param name="trouble">Told of what fails and is tried again, by several at once.</param>
    public HttpImageData(HttpClient client, HttpRanges ranges, CancellationToken ct, Action<string>? trouble = null) =>
        (_client, _ranges, _ct, _trouble) = (client, ranges, ct, trouble);

    public string Name => _ranges.Shown;

    public long Length => _ranges.Length;

    public string? Revision => _ranges.Revision;

    public Stream OpenRead() => new HttpRangeStream(_ranges, _ct);

    public async ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct) =>
        await _ranges.ReadAsync(offset, into, ct, _trouble).ConfigureAwait(false);

    public void Dispose() => _client.Dispose();
}
