using KvmAgent.Images.Fetch;

namespace KvmAgent.Images.Import;

/// <summary>An image on a server that answers ranges. It owns the client.</summary>
internal sealed class HttpImageData : IImageData
{
    private readonly HttpClient _client;
    private readonly HttpRanges _ranges;
    private readonly CancellationToken _ct;

    public HttpImageData(HttpClient client, HttpRanges ranges, CancellationToken ct) => (_client, _ranges, _ct) = (client, ranges, ct);

    public string Name => _ranges.Shown;

    public long Length => _ranges.Length;

    public Stream OpenRead() => new HttpRangeStream(_ranges, _ct);

    public async ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct) =>
        await _ranges.ReadAsync(offset, into, ct).ConfigureAwait(false);

    public void Dispose() => _client.Dispose();
}
