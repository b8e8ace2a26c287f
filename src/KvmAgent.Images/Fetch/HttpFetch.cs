using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Images.Import;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// One image over HTTP. Redirects are followed once and the final address is kept, so that a broken connection is resumed
/// at the same mirror. A server that says it has ranges is asked for several at once; else the rest is asked for with Range and If-Range
/// on a strong validator, and who answers with the whole makes the fetch start over. Lengths and ranges are compared with what was
/// announced: a truncated or shifted body never passes.
/// </summary>
internal sealed class HttpFetch(HttpSource source, HttpClient client, PartFile part, FetchMeter meter, TimeProvider time, StoreTimings timings)
{
    private Uri? _final;
    private RangeConditionHeaderValue? _validator;
    private long? _total;

    public async Task RunAsync(CancellationToken ct)
    {
        var budget = new RetryBudget(source.Shown, time, timings);
        meter.Begin(FetchPhase.Fetching, 0, null, $"from {source.Shown}");
        while (!await budget.PersistAsync(() => TryAsync(ct), () => part.Received, meter.Note, ct).ConfigureAwait(false))
        {
        }
    }

    /// <returns>False when the rest has to be asked for.</returns>
    private async Task<bool> TryAsync(CancellationToken ct)
    {
        if (_validator is null && part.Received > 0)
            part.Restart();
        using var stall = new StallGuard(timings.Stall, time, ct);
        using var response = await OpenAsync(stall, ct).ConfigureAwait(false);
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                var isResumed = Begin(response, ct);
                if (isResumed && part.Received == _total)
                    return true;
                if (Ranges(response) is { } ranges)
                {
                    response.Dispose();
                    await FetchAsync(ranges, ct).ConfigureAwait(false);
                    return true;
                }
                if (isResumed)
                    return false;
                break;
            case HttpStatusCode.PartialContent when part.Received > 0:
                Continue(response);
                break;
            case HttpStatusCode.RequestedRangeNotSatisfiable when part.Received > 0 && response.Content.Headers.ContentRange?.Length == part.Received:
                return true; // All had come; only the end of the body was not seen.
            default:
                throw HttpStatus.Explain(response, HasMoved(response), source.Shown);
        }
        await CopyAsync(response, stall, ct).ConfigureAwait(false);
        if (_total is { } total && part.Received != total)
            throw new PassingFault($"the body ended at {part.Received} of {total} bytes");
        return true;
    }

    /// <summary>The image by ranges, where the server has them and it is worth it.</summary>
    private HttpRanges? Ranges(HttpResponseMessage response) =>
        _validator is { } validator && _total is { } total && total - part.Received > 2 * ImageDataStream.Piece
        && source.Access.Connections > 1 && response.Headers.AcceptRanges.Contains("bytes")
            ? HttpRanges.Of(response, total, validator, source, client, _final!, time, timings)
            : null;

    private Task FetchAsync(HttpRanges ranges, CancellationToken ct) => OwnThread.RunAsync(
        () =>
        {
            // The client outlives it.
            var data = new HttpImageData(client, ranges, ct, meter.Note);
            using var image = new ImageDataStream(data, source.Access.Connections, ct, part.Received);
            while (image.Read(part.Space.Span) is var count and > 0)
            {
                part.Advance(count);
                meter.At(part.Received);
            }
        },
        ct);

    private async Task<HttpResponseMessage> OpenAsync(StallGuard stall, CancellationToken ct)
    {
        var trail = new RedirectTrail(source, _final ?? source.Address);
        var response = await trail.AskAsync(client, Resume, stall, part.Received > 0, ct).ConfigureAwait(false);
        _final = trail.At;
        return response;

        void Resume(HttpRequestMessage request)
        {
            if (part.Received == 0)
                return;
            request.Headers.Range = new RangeHeaderValue(part.Received, null);
            request.Headers.IfRange = _validator;
        }
    }

    /// <returns>Whether a part of it is here already.</returns>
    private bool Begin(HttpResponseMessage response, CancellationToken ct)
    {
        HttpAnswer.DemandPlain(response, source.Shown);
        if (part.Received > 0)
            part.Restart();
        _total = response.Content.Headers.ContentLength;
        _validator = HttpAnswer.StrongValidator(response);
        var isResumed = false;
        if (_total is { } total)
        {
            if (_validator is { } validator)
                part.Pin(validator.ToString(), total);
            isResumed = part.TryResume(ct);
            part.DemandSpace(total);
        }
        meter.Begin(FetchPhase.Fetching, part.Received, _total, isResumed ? $"going on at byte {part.Received}" : null);
        return isResumed;
    }

    private void Continue(HttpResponseMessage response)
    {
        var range = response.Content.Headers.ContentRange;
        var tag = response.Headers.ETag;
        if (range is not { Unit: "bytes", From: { } from } || from != part.Received
            || _total is { } total && range.Length is { } length && length != total
            || _validator?.EntityTag is { } mine && tag is not null && !tag.Equals(mine))
            throw new ImageException(ImageFailure.Unavailable,
                $"{source.Shown} is not available: asked to go on at byte {part.Received} of {_total?.ToString() ?? "an unknown number"}, "
                + $"the server answered with '{range}'; it cannot be trusted with ranges");
        _total ??= range.Length;
        meter.Begin(FetchPhase.Fetching, part.Received, _total, $"going on at byte {part.Received}");
    }

    private async Task CopyAsync(HttpResponseMessage response, StallGuard stall, CancellationToken ct)
    {
        using var body = await stall.RunAsync(token => new ValueTask<Stream>(response.Content.ReadAsStreamAsync(token)), _final!, true, ct).ConfigureAwait(false);
        while (await stall.RunAsync<int>(token => body.ReadAsync(part.Space, token), _final!, true, ct).ConfigureAwait(false) is var count and > 0)
        {
            part.Advance(count);
            meter.At(part.Received);
            if (part.Received > _total)
                throw new ImageException(ImageFailure.Unavailable,
                    $"{source.Shown} is not available: the server announced {_total} bytes and sends more");
        }
    }

    private bool HasMoved(HttpResponseMessage response)
    {
        var outdated = part.Received > 0 && _final != source.Address && HttpStatus.IsOutdated(response);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            _validator = null;
        if (outdated)
            _final = null;
        return outdated || response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && part.Received > 0;
    }
}
