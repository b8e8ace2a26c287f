using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// An image on a server, a range at a time, by several readers at once. The first answer pins the final address, the length and the
/// validator; whoever later answers with another image, another range or another length is not believed. Of a server without ranges
/// there is the beginning only, or all of it where it is small.
/// </summary>
internal sealed class HttpRanges
{
    private const int WholeLimit = 1 << 20;

    private readonly HttpSource _source;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly StoreTimings _timings;
    private volatile Uri _final;
    private RangeConditionHeaderValue? _validator;
    private EntityTagHeaderValue? _tag;

    private HttpRanges(HttpSource source, HttpClient client, Uri final, TimeProvider time, StoreTimings timings) =>
        (_source, _client, _final, _time, _timings) = (source, client, final, time, timings);

    /// <summary>In bytes, where the server told it.</summary>
    public long? TotalLength { get; private set; }

    /// <summary>What the server tells the image's versions apart by; null where it does not.</summary>
    public string? Revision { get; private set; }

    /// <exception cref="InvalidOperationException">Not where <see cref="IsReadable"/> is false.</exception>
    public long Length => TotalLength ?? throw new InvalidOperationException("an image without ranges has no length before its end");

    /// <summary>Whether all of it can be read. If not, there is no more than <see cref="Beginning"/>.</summary>
    public bool IsReadable { get; private set; } = true;

    /// <summary>What came with the first answer: all that <see cref="ImageInspector"/> first looks at, and all there is of a small image.</summary>
    public ReadOnlyMemory<byte> Beginning { get; private set; }

    public string Shown => _source.Shown;

    /// <param name="source">The image.</param>
    /// <param name="client">Stays the caller's.</param>
    public static async Task<HttpRanges> OpenAsync(
        HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var ranges = new HttpRanges(source, client, source.Address, time, timings);
        ranges.Beginning = await ranges.PersistAsync(() => ranges.BeginAsync(ct), null, ct).ConfigureAwait(false);
        return ranges;
    }

    /// <summary>The image of an answer that is here already.</summary>
    public static HttpRanges Of(
        HttpResponseMessage answer, long length, RangeConditionHeaderValue validator, HttpSource source, HttpClient client, Uri final, TimeProvider time, StoreTimings timings) =>
        new(source, client, final, time, timings) { TotalLength = length, _validator = validator, _tag = answer.Headers.ETag };

    /// <summary>Fills the buffer; the range must lie inside.</summary>
    /// <param name="from">Its first byte.</param>
    /// <param name="into">As long as the range.</param>
    /// <param name="ct">Ends it.</param>
    /// <param name="trouble">Told of what fails and is tried again.</param>
    public async Task ReadAsync(long from, Memory<byte> into, CancellationToken ct, Action<string>? trouble = null)
    {
        if (from < Beginning.Length)
        {
            var count = (int)Math.Min(into.Length, Beginning.Length - from);
            Beginning.Slice((int)from, count).CopyTo(into);
            (from, into) = (from + count, into[count..]);
        }
        if (into.Length > 0)
            await PersistAsync(() => ContinueAsync(from, into, ct), trouble, ct).ConfigureAwait(false);
    }

    private Task<T> PersistAsync<T>(Func<Task<T>> ask, Action<string>? trouble, CancellationToken ct) =>
        new RetryBudget(Shown, _time, _timings).PersistAsync(ask, () => Beginning.Length, trouble, ct);

    private async Task<byte[]> BeginAsync(CancellationToken ct)
    {
        using var stall = new StallGuard(_timings.Stall, _time, ct);
        var trail = new RedirectTrail(_source, _source.Address);
        using var response = await trail.AskAsync(
            _client, r => r.Headers.Range = new RangeHeaderValue(0, ImageInspector.BeginningSize - 1), stall, false, ct).ConfigureAwait(false);
        _final = trail.At;
        HttpAnswer.DemandPlain(response, Shown);
        Revision = HttpAnswer.Revision(response);
        var range = response.Content.Headers.ContentRange;
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent:
                TotalLength = range?.Length ?? throw Untrusted(0, ImageInspector.BeginningSize, response);
                (_validator, _tag) = (HttpAnswer.StrongValidator(response), response.Headers.ETag);
                var beginning = new byte[Math.Min(ImageInspector.BeginningSize, Length)];
                await ReadRangeAsync(response, 0, beginning, stall, ct).ConfigureAwait(false);
                return beginning;
            case HttpStatusCode.RequestedRangeNotSatisfiable when range?.Length == 0:
                TotalLength = 0;
                return [];
            case HttpStatusCode.OK:
                return await ReadWholeAsync(response, stall, ct).ConfigureAwait(false);
            default:
                throw HttpStatus.Explain(response, false, _source.Shown);
        }
    }

    private async Task<bool> ContinueAsync(long from, Memory<byte> into, CancellationToken ct)
    {
        var end = from + into.Length;
        using var stall = new StallGuard(_timings.Stall, _time, ct);
        var trail = new RedirectTrail(_source, _final);
        using var response = await trail.AskAsync(_client, Condition, stall, true, ct).ConfigureAwait(false);
        var isOutdated = _final != _source.Address && HttpStatus.IsOutdated(response);
        _final = isOutdated ? _source.Address : trail.At;
        HttpAnswer.DemandPlain(response, Shown);
        return response.StatusCode switch
        {
            HttpStatusCode.PartialContent => await ReadRangeAsync(response, from, into, stall, ct).ConfigureAwait(false),
            HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable => throw Untrusted(from, end, response),
            _ => throw HttpStatus.Explain(response, isOutdated, _source.Shown),
        };

        void Condition(HttpRequestMessage request)
        {
            request.Headers.Range = new RangeHeaderValue(from, end - 1);
            request.Headers.IfRange = _validator;
        }
    }

    private async Task<bool> ReadRangeAsync(HttpResponseMessage response, long from, Memory<byte> into, StallGuard stall, CancellationToken ct)
    {
        var end = from + into.Length;
        var headers = response.Content.Headers;
        if (headers.ContentRange is not { Unit: "bytes" } range || range.From != from || range.To != end - 1 || range.Length != TotalLength
            || headers.ContentLength is { } announced && announced != end - from
            || response.Headers.ETag is { } tag && !tag.Equals(_tag))
            throw Untrusted(from, end, response);
        if (await HttpAnswer.FillAsync(response, into, _final, stall, ct).ConfigureAwait(false) is var count && count != into.Length)
            throw count > into.Length ? Untrusted(from, end, response) : new PassingFault($"the body ended at {count} of {into.Length} bytes");
        return true;
    }

    private async Task<byte[]> ReadWholeAsync(HttpResponseMessage response, StallGuard stall, CancellationToken ct)
    {
        var bytes = new byte[WholeLimit];
        TotalLength = response.Content.Headers.ContentLength;
        var wanted = TotalLength > WholeLimit ? ImageInspector.BeginningSize : WholeLimit;
        var count = await HttpAnswer.FillAsync(response, bytes.AsMemory(0, wanted), _final, stall, ct).ConfigureAwait(false);
        IsReadable = count <= wanted;
        if (IsReadable && TotalLength is { } announced && announced != count)
            throw new PassingFault($"the body ended at {count} of {announced} bytes");
        TotalLength = IsReadable ? count : TotalLength;
        return bytes[..Math.Min(count, wanted)];
    }

    private ImageException Untrusted(long from, long end, HttpResponseMessage response) => new(ImageFailure.Unavailable,
        $"{_source.Shown} is not available: asked for bytes {from} to {end - 1}{(TotalLength is { } length ? $" of {length}" : "")}, the server answered "
        + $"{(int)response.StatusCode} with range '{response.Content.Headers.ContentRange}', length {response.Content.Headers.ContentLength?.ToString() ?? "unknown"} "
        + $"and tag {response.Headers.ETag?.ToString() ?? "none"}{(_tag is null ? "" : $" (before: {_tag})")}; "
        + "either the image has just changed, then try again, or the server cannot be trusted with ranges");
}
