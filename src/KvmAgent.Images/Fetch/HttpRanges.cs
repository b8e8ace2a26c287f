using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// An image on a server, a range at a time, by several readers at once. The first answer pins the final address, the length and the
/// validator; whoever later answers with another image, another range or another length is not believed. A server without ranges is
/// heard as far as a small image goes.
/// </summary>
internal sealed class HttpRanges
{
    private const int WholeLimit = 1 << 20;

    private readonly HttpSource _source;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly StoreTimings _timings;
    private Uri _final;
    private RangeConditionHeaderValue? _validator;
    private EntityTagHeaderValue? _tag;

    private HttpRanges(HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings)
    {
        (_source, _client, _time, _timings) = (source, client, time, timings);
        _final = source.Address;
    }

    public long Length { get; private set; }

    /// <summary>What came with the first answer: all that <see cref="ImageInspector"/> first looks at, and all there is of a small image.</summary>
    public ReadOnlyMemory<byte> Beginning { get; private set; }

    public string Shown => _source.Shown;

    /// <param name="source">The image.</param>
    /// <param name="client">Stays the caller's.</param>
    public static async Task<HttpRanges> OpenAsync(
        HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var ranges = new HttpRanges(source, client, time, timings);
        ranges.Beginning = await ranges.PersistAsync(() => ranges.BeginAsync(ct), ct).ConfigureAwait(false);
        return ranges;
    }

    /// <summary>Fills the buffer; the range must lie inside.</summary>
    public async Task ReadAsync(long from, Memory<byte> into, CancellationToken ct)
    {
        if (from < Beginning.Length)
        {
            var count = (int)Math.Min(into.Length, Beginning.Length - from);
            Beginning.Slice((int)from, count).CopyTo(into);
            (from, into) = (from + count, into[count..]);
        }
        if (into.Length > 0)
            await PersistAsync(() => ContinueAsync(from, into, ct), ct).ConfigureAwait(false);
    }

    private async Task<T> PersistAsync<T>(Func<Task<T>> ask, CancellationToken ct)
    {
        var budget = new RetryBudget(_source.Shown, _time, _timings);
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (PassingFault fault)
            {
                await Task.Delay(budget.Next(fault, Beginning.Length), _time, ct).ConfigureAwait(false);
            }
        }
    }

    private async Task<byte[]> BeginAsync(CancellationToken ct)
    {
        using var stall = new StallGuard(_timings.Stall, _time, ct);
        var trail = new RedirectTrail(_source, _source.Address);
        using var response = await trail.AskAsync(
            _client, r => r.Headers.Range = new RangeHeaderValue(0, ImageInspector.BeginningSize - 1), stall, false, ct).ConfigureAwait(false);
        _final = trail.At;
        DemandPlain(response);
        var range = response.Content.Headers.ContentRange;
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent:
                Length = range?.Length ?? throw Untrusted(0, ImageInspector.BeginningSize, response);
                (_validator, _tag) = (HttpFetch.StrongValidator(response), response.Headers.ETag);
                var beginning = new byte[Math.Min(ImageInspector.BeginningSize, Length)];
                await ReadRangeAsync(response, 0, beginning, stall, ct).ConfigureAwait(false);
                return beginning;
            case HttpStatusCode.RequestedRangeNotSatisfiable when range?.Length == 0:
                return [];
            case HttpStatusCode.OK:
                var whole = await ReadWholeAsync(response, stall, ct).ConfigureAwait(false);
                Length = whole.Length;
                return whole;
            default:
                throw HttpStatus.Explain(response, false, _source.Shown);
        }
    }

    private async Task<bool> ContinueAsync(long from, Memory<byte> into, CancellationToken ct)
    {
        var end = from + into.Length;
        using var stall = new StallGuard(_timings.Stall, _time, ct);
        using var request = _source.Request(_final);
        request.Headers.Range = new RangeHeaderValue(from, end - 1);
        request.Headers.IfRange = _validator;
        using var response = await stall.RunAsync(token => new ValueTask<HttpResponseMessage>(
            _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)), _final, true, ct).ConfigureAwait(false);
        DemandPlain(response);
        return response.StatusCode switch
        {
            HttpStatusCode.PartialContent => await ReadRangeAsync(response, from, into, stall, ct).ConfigureAwait(false),
            HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable => throw Untrusted(from, end, response),
            _ => throw HttpStatus.Explain(response, false, _source.Shown),
        };
    }

    private async Task<bool> ReadRangeAsync(HttpResponseMessage response, long from, Memory<byte> into, StallGuard stall, CancellationToken ct)
    {
        var end = from + into.Length;
        var headers = response.Content.Headers;
        if (headers.ContentRange is not { Unit: "bytes" } range || range.From != from || range.To != end - 1 || range.Length != Length
            || headers.ContentLength is { } announced && announced != end - from
            || response.Headers.ETag is { } tag && !tag.Equals(_tag))
            throw Untrusted(from, end, response);
        if (await FillAsync(response, into, stall, ct).ConfigureAwait(false) is var count && count != into.Length)
            throw count > into.Length ? Untrusted(from, end, response) : new PassingFault($"the body ended at {count} of {into.Length} bytes");
        return true;
    }

    private async Task<byte[]> ReadWholeAsync(HttpResponseMessage response, StallGuard stall, CancellationToken ct)
    {
        var bytes = new byte[WholeLimit];
        var announced = response.Content.Headers.ContentLength;
        var wanted = announced > WholeLimit ? ImageInspector.BeginningSize : WholeLimit;
        var count = await FillAsync(response, bytes.AsMemory(0, wanted), stall, ct).ConfigureAwait(false);
        if (count <= wanted)
            return announced is null || announced == count ? bytes[..count] : throw new PassingFault($"the body ended at {count} of {announced} bytes");
        // A login page says more about what is wrong than the lack of ranges.
        ImageInspector.InspectBeginning(bytes.AsMemory(0, ImageInspector.BeginningSize), whole: false, _source.Shown, ImageFormatNames.All);
        throw new ImageException(ImageFailure.Unavailable,
            $"{_source.Shown} cannot be inspected from afar: the server has no ranges and would send it whole ({announced?.ToString() ?? "an unknown number of"} bytes); "
            + "fetch it and inspect the file");
    }

    /// <summary>How many bytes came; one more than there is room for if there are more.</summary>
    private async Task<int> FillAsync(HttpResponseMessage response, Memory<byte> room, StallGuard stall, CancellationToken ct)
    {
        using var body = await stall.RunAsync(token => new ValueTask<Stream>(response.Content.ReadAsStreamAsync(token)), _final, true, ct).ConfigureAwait(false);
        var (filled, beyond) = (0, new byte[1]);
        while (filled <= room.Length)
        {
            var into = filled < room.Length ? room[filled..] : beyond;
            var count = await stall.RunAsync<int>(token => body.ReadAsync(into, token), _final, true, ct).ConfigureAwait(false);
            if (count == 0)
                break;
            filled += count;
        }
        return filled;
    }

    private void DemandPlain(HttpResponseMessage response)
    {
        if (response.Content.Headers.ContentEncoding.Count > 0)
            throw new ImageException(ImageFailure.Refused,
                $"{_source.Shown} is refused: the server packs it ({string.Join(", ", response.Content.Headers.ContentEncoding)}) although told not to");
    }

    private ImageException Untrusted(long from, long end, HttpResponseMessage response) => new(ImageFailure.Unavailable,
        $"{_source.Shown} is not available: asked for bytes {from} to {end - 1}{(Length > 0 ? $" of {Length}" : "")}, the server answered "
        + $"{(int)response.StatusCode} with range '{response.Content.Headers.ContentRange}', length {response.Content.Headers.ContentLength?.ToString() ?? "unknown"} "
        + $"and tag {response.Headers.ETag?.ToString() ?? "none"}{(_tag is null ? "" : $" (before: {_tag})")}; "
        + "either the image has just changed, then try again, or the server cannot be trusted with ranges");
}
