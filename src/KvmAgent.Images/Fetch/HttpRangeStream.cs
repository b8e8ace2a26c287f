using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Fetch;

/// <summary>
/// An image on a server, read where somebody looks: a few ranges in place of the whole. The first answer pins the final
/// address, the length and the validator; whoever later answers with another image, another range or another length is
/// not believed. A server without ranges is heard as far as a small image goes.
/// </summary>
/// <remarks>Reads block, as <see cref="ImageInspector"/> wants it: give it a thread of its own.</remarks>
internal sealed class HttpRangeStream : Stream
{
    private const int Block = 32 * 1024;
    private const int LongestAhead = 1 << 20;

    // Beside the beginning, which is looked at again and again.
    private const int Kept = 4;

    // The largest table that is read is 32 MiB; who makes us read more than this wants something else.
    private const long Most = 64 << 20;

    private const int WholeLimit = 1 << 20;

    private readonly HttpSource _source;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly StoreTimings _timings;
    private readonly RetryBudget _budget;
    private readonly CancellationToken _ct;
    private readonly List<(long From, byte[] Bytes)> _pieces = [];
    private Uri _final;
    private RangeConditionHeaderValue? _validator;
    private EntityTagHeaderValue? _tag;
    private long _length;
    private long _position;
    private long _received;
    private long _ahead = Block;

    private HttpRangeStream(HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        (_source, _client, _time, _timings, _ct) = (source, client, time, timings, ct);
        _budget = new RetryBudget(source.Shown, time, timings);
        _final = source.Address;
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "before the beginning");
    }

    /// <param name="source">The image.</param>
    /// <param name="client">Stays the caller's.</param>
    /// <param name="ct">Ends reads too.</param>
    public static async Task<HttpRangeStream> OpenAsync(
        HttpSource source, HttpClient client, TimeProvider time, StoreTimings timings, CancellationToken ct)
    {
        var stream = new HttpRangeStream(source, client, time, timings, ct);
        stream._pieces.Add((0, await stream.PersistAsync(stream.BeginAsync).ConfigureAwait(false)));
        return stream;
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position >= _length || buffer.Length == 0)
            return 0;
        var (from, bytes) = Piece();
        var found = bytes.AsSpan((int)(_position - from));
        found = found[..Math.Min(found.Length, buffer.Length)];
        found.CopyTo(buffer);
        _position += found.Length;
        return found.Length;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => _length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private (long From, byte[] Bytes) Piece()
    {
        foreach (var piece in _pieces)
            if (_position >= piece.From && _position < piece.From + piece.Bytes.Length)
                return piece;

        var from = _position / Block * Block;
        var (lastFrom, last) = _pieces[^1];
        _ahead = _pieces.Count > 1 && from == lastFrom + last.Length ? Math.Min(2 * _ahead, LongestAhead) : Block;
        var end = Math.Min(from + _ahead, _length);
        // A short rest is not worth a request of its own.
        end = _length - end < Block / 2 ? _length : end;
        if (_received + end - from > Most)
            throw new ImageException(ImageFailure.Refused,
                $"{_source.Shown} is refused as a disk image: more than {Most} bytes of it would have to be read to judge it; make it anew");
        var read = PersistAsync(() => ContinueAsync(from, end)).GetAwaiter().GetResult();
        if (_pieces.Count > Kept)
            _pieces.RemoveAt(1);
        _pieces.Add((from, read));
        return _pieces[^1];
    }

    private async Task<byte[]> PersistAsync(Func<Task<byte[]>> ask)
    {
        while (true)
        {
            try
            {
                var bytes = await ask().ConfigureAwait(false);
                _received += bytes.Length;
                return bytes;
            }
            catch (PassingFault fault)
            {
                await Task.Delay(_budget.Next(fault, _received), _time, _ct).ConfigureAwait(false);
            }
        }
    }

    private async Task<byte[]> BeginAsync()
    {
        using var stall = new StallGuard(_timings.Stall, _time, _ct);
        var trail = new RedirectTrail(_source, _source.Address);
        using var response = await trail.AskAsync(
            _client, r => r.Headers.Range = new RangeHeaderValue(0, ImageInspector.BeginningSize - 1), stall, false, _ct).ConfigureAwait(false);
        _final = trail.At;
        DemandPlain(response);
        var range = response.Content.Headers.ContentRange;
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent:
                _length = range?.Length ?? throw Untrusted(0, ImageInspector.BeginningSize, response);
                (_validator, _tag) = (HttpFetch.StrongValidator(response), response.Headers.ETag);
                return await ReadRangeAsync(response, 0, Math.Min(ImageInspector.BeginningSize, _length), stall).ConfigureAwait(false);
            case HttpStatusCode.RequestedRangeNotSatisfiable when range?.Length == 0:
                return [];
            case HttpStatusCode.OK:
                var whole = await ReadWholeAsync(response, stall).ConfigureAwait(false);
                _length = whole.Length;
                return whole;
            default:
                throw HttpStatus.Explain(response, false, _source.Shown);
        }
    }

    private async Task<byte[]> ContinueAsync(long from, long end)
    {
        using var stall = new StallGuard(_timings.Stall, _time, _ct);
        using var request = _source.Request(_final);
        request.Headers.Range = new RangeHeaderValue(from, end - 1);
        request.Headers.IfRange = _validator;
        using var response = await stall.RunAsync(token => new ValueTask<HttpResponseMessage>(
            _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)), _final, true, _ct).ConfigureAwait(false);
        DemandPlain(response);
        return response.StatusCode switch
        {
            HttpStatusCode.PartialContent => await ReadRangeAsync(response, from, end, stall).ConfigureAwait(false),
            HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable => throw Untrusted(from, end, response),
            _ => throw HttpStatus.Explain(response, false, _source.Shown),
        };
    }

    private async Task<byte[]> ReadRangeAsync(HttpResponseMessage response, long from, long end, StallGuard stall)
    {
        var headers = response.Content.Headers;
        if (headers.ContentRange is not { Unit: "bytes" } range || range.From != from || range.To != end - 1 || range.Length != _length
            || headers.ContentLength is { } announced && announced != end - from
            || response.Headers.ETag is { } tag && !tag.Equals(_tag))
            throw Untrusted(from, end, response);
        var bytes = new byte[end - from];
        if (await FillAsync(response, bytes, stall).ConfigureAwait(false) is var count && count != bytes.Length)
            throw count > bytes.Length ? Untrusted(from, end, response) : new PassingFault($"the body ended at {count} of {bytes.Length} bytes");
        return bytes;
    }

    private async Task<byte[]> ReadWholeAsync(HttpResponseMessage response, StallGuard stall)
    {
        var bytes = new byte[WholeLimit];
        var announced = response.Content.Headers.ContentLength;
        var wanted = announced > WholeLimit ? ImageInspector.BeginningSize : WholeLimit;
        var count = await FillAsync(response, bytes.AsMemory(0, wanted), stall).ConfigureAwait(false);
        if (count <= wanted)
            return announced is null || announced == count ? bytes[..count] : throw new PassingFault($"the body ended at {count} of {announced} bytes");
        // A login page says more about what is wrong than the lack of ranges.
        ImageInspector.InspectBeginning(bytes.AsMemory(0, ImageInspector.BeginningSize), whole: false, _source.Shown);
        throw new ImageException(ImageFailure.Unavailable,
            $"{_source.Shown} cannot be inspected from afar: the server has no ranges and would send it whole ({announced?.ToString() ?? "an unknown number of"} bytes); "
            + "fetch it and inspect the file");
    }

    /// <summary>How many bytes came; one more than there is room for if there are more.</summary>
    private async Task<int> FillAsync(HttpResponseMessage response, Memory<byte> room, StallGuard stall)
    {
        using var body = await stall.RunAsync(token => new ValueTask<Stream>(response.Content.ReadAsStreamAsync(token)), _final, true, _ct).ConfigureAwait(false);
        var (filled, beyond) = (0, new byte[1]);
        while (filled <= room.Length)
        {
            var into = filled < room.Length ? room[filled..] : beyond;
            var count = await stall.RunAsync<int>(token => body.ReadAsync(into, token), _final, true, _ct).ConfigureAwait(false);
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
        $"{_source.Shown} is not available: asked for bytes {from} to {end - 1}{(_length > 0 ? $" of {_length}" : "")}, the server answered "
        + $"{(int)response.StatusCode} with range '{response.Content.Headers.ContentRange}', length {response.Content.Headers.ContentLength?.ToString() ?? "unknown"} "
        + $"and tag {response.Headers.ETag?.ToString() ?? "none"}{(_tag is null ? "" : $" (before: {_tag})")}; "
        + "either the image has just changed, then try again, or the server cannot be trusted with ranges");
}
