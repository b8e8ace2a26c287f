using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Import;

/// <summary>An image on a server without ranges. It owns the client.</summary>
/// <param name="source">The image.</param>
/// <param name="client">Disposed with it.</param>
/// <param name="seen">What a first look at it gave.</param>
/// <param name="time">The clock.</param>
/// <param name="timings">How patient to be.</param>
internal sealed class HttpImageStream(HttpSource source, HttpClient client, HttpRanges seen, TimeProvider time, StoreTimings timings) : IImageStream
{
    public string Name => source.Shown;

    public long? TotalLength => seen.TotalLength;

    public string? Revision => seen.Revision;

    /// <summary>What came at a first look.</summary>
    public ReadOnlyMemory<byte> Beginning => seen.Beginning;

    public Stream ReadThrough(int ahead, CancellationToken ct) => new Body(source, client, time, timings, ct);

    public void Dispose() => client.Dispose();

    /// <summary>
    /// One answer after another, if need be: who cannot resume sends all anew, and what was read already is skipped if it is the same image
    /// by its strong validator.
    /// </summary>
    private sealed class Body(HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings, CancellationToken ct) : PieceStream
    {
        private readonly RetryBudget _budget = new(source.Shown, time, timings);
        private readonly byte[] _buffer = new byte[128 << 10];
        private StallGuard? _stall;
        private HttpResponseMessage? _response;
        private Stream? _body;
        private Uri _at = source.Address;
        private RangeConditionHeaderValue? _validator;
        private long? _total;
        private long _received;

        protected override ReadOnlyMemory<byte> Next() =>
            _budget.PersistAsync(TryNextAsync, () => _received, null, ct).GetAwaiter().GetResult();

        protected override void Release() => End();

        private async Task<ReadOnlyMemory<byte>> TryNextAsync()
        {
            try
            {
                if (_body is null)
                    await OpenAsync().ConfigureAwait(false);
                return await ReadAsync().ConfigureAwait(false);
            }
            catch (PassingFault fault)
            {
                End();
                if (_received > 0 && _validator is null)
                    throw Unavailable($"{fault.Message}, and the server can neither resume nor tell whether it would send the same image; start again");
                throw;
            }
        }

        private async Task<ReadOnlyMemory<byte>> ReadAsync()
        {
            var count = await _stall!.RunAsync<int>(token => _body!.ReadAsync(_buffer, token), _at, true, ct).ConfigureAwait(false);
            _received += count;
            if (count == 0 && _total is { } total && _received != total)
                throw new PassingFault($"the body ended at {_received} of {_total} bytes");
            if (_received > _total)
                throw Unavailable($"the server announced {_total} bytes and sends more");
            return _buffer.AsMemory(0, count);
        }

        private async Task OpenAsync()
        {
            _stall = new StallGuard(timings.Stall, time, ct);
            var trail = new RedirectTrail(source, source.Address);
            _response = await trail.AskAsync(client, static _ => { }, _stall, _received > 0, ct).ConfigureAwait(false);
            _at = trail.At;
            if (_response.StatusCode != HttpStatusCode.OK)
                throw HttpStatus.Explain(_response, false, source.Shown);
            HttpAnswer.DemandPlain(_response, source.Shown);
            var (validator, total) = (HttpAnswer.StrongValidator(_response), _response.Content.Headers.ContentLength);
            if (_received > 0 && (!Equals(validator, _validator) || total != _total))
                throw Unavailable($"it changed while byte {_received} was being read; start again");
            (_validator, _total) = (validator, total);
            _body = await _stall.RunAsync(token => new ValueTask<Stream>(_response.Content.ReadAsStreamAsync(token)), _at, true, ct).ConfigureAwait(false);
            for (var skipped = 0L; skipped < _received;)
            {
                var most = (int)Math.Min(_buffer.Length, _received - skipped);
                var count = await _stall.RunAsync<int>(token => _body.ReadAsync(_buffer.AsMemory(0, most), token), _at, true, ct).ConfigureAwait(false);
                skipped += count > 0 ? count : throw new PassingFault($"the body ended at {skipped} of {_total} bytes");
            }
        }

        private void End()
        {
            _body?.Dispose();
            _response?.Dispose();
            _stall?.Dispose();
            (_body, _response, _stall) = (null, null, null);
        }

        private ImageException Unavailable(string why) => new(ImageFailure.Unavailable, $"{source.Shown} is not available: {why}");
    }
}
