using KvmAgent.Images.Fetch;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>An image on a server that answers ranges.</summary>
internal sealed class HttpImageData : IImageData
{
    private readonly HttpClient _client;
    private readonly HttpRanges _ranges;
    private readonly CancellationToken _ct;

    private HttpImageData(HttpClient client, HttpRanges ranges, CancellationToken ct) => (_client, _ranges, _ct) = (client, ranges, ct);

    public string Name => _ranges.Shown;

    public long Length => _ranges.Length;

    /// <exception cref="ImageException">It is not to be had, or not in ranges.</exception>
    public static async Task<HttpImageData> OpenAsync(HttpSource source, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var client = source.Client(timings);
        try
        {
            return new HttpImageData(client, await HttpRanges.OpenAsync(source, client, time, timings, ct).ConfigureAwait(false), ct);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public Stream OpenRead() => new HttpRangeStream(_ranges, _ct);

    public async ValueTask ReadAsync(long offset, Memory<byte> into, CancellationToken ct) =>
        await _ranges.ReadAsync(offset, into, ct).ConfigureAwait(false);

    public void Dispose() => _client.Dispose();
}
