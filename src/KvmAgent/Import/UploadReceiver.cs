using KvmAgent.Images;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Import;

/// <summary>
/// Waits for an image that a person sends to the coordinator. It may come in parts, and by several replicas: what is here is known only here,
/// so each part is asked for with its place in the image, and where one breaks off the rest is waited for.
/// </summary>
internal sealed partial class UploadReceiver(UploadOffers offers, TimeProvider time, ILogger<UploadReceiver> log)
{
    /// <summary>How long nothing may come before the sender is taken for lost, and then before the rest is.</summary>
    internal static readonly TimeSpan Silence = TimeSpan.FromSeconds(30), Patience = TimeSpan.FromMinutes(5);

    private readonly UploadOffers _offers = offers;
    private readonly TimeProvider _time = time;
    private UploadOffer? _anew;

    /// <param name="take">Reads it to its end.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<T> ReceiveAsync<T>(Func<UploadedImage, Task<T>> take, CancellationToken cancel)
    {
        var first = _anew ?? await _offers.NextAsync(0, null, cancel).ConfigureAwait(false);
        _anew = null;
        using var parts = new Parts(this, first);
        LogBegins(first.Address);
        return await take(new UploadedImage(parts.ReadAsync, first.Total, "the upload")).ConfigureAwait(false);
    }

    /// <summary>All that comes of one image, as if it were in one piece.</summary>
    private sealed class Parts(UploadReceiver receiver, UploadOffer first) : IDisposable
    {
        private UploadOffer? _part = first;
        private long? _total = first.Total;
        private long _received;

        private string Here => _total is null ? $"{_received} bytes" : $"{_received} of {_total} bytes";

        public void Dispose() => _part?.Dispose();

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
        {
            while (_total is null || _received < _total)
            {
                string? why = null;
                using var limit = new CancellationTokenSource(Silence, receiver._time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
                try
                {
                    var count = await _part!.Content.ReadAsync(buffer, either.Token).ConfigureAwait(false);
                    _received += count;
                    if (count > 0)
                    {
                        return count;
                    }

                    _total ??= _received;
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    why = $"nothing came for {Silence.TotalSeconds:0} s";
                }
                catch (Exception e) when (e is IOException or HttpRequestException)
                {
                    why = e.Message;
                }

                if (why is not null || _received < _total)
                {
                    await GoOnAsync(why, cancel).ConfigureAwait(false);
                }
            }

            return 0;
        }

        /// <param name="why">It broke off; null: a part was whole.</param>
        private async Task GoOnAsync(string? why, CancellationToken cancel)
        {
            _part?.Dispose();
            _part = null;
            if (why is not null)
            {
                receiver.LogBroken(Here, why);
            }

            using var limit = new CancellationTokenSource(Patience, receiver._time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
            UploadOffer next;
            try
            {
                next = await receiver._offers.NextAsync(_received, _total, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new IOException($"there are {Here}, and nobody sent more for {Patience.TotalMinutes:0} minutes");
            }

            if (next.Offset != _received || _received == 0)
            {
                receiver._anew = next;
                throw new IOException($"there are {Here}, and it is sent from its beginning again");
            }

            (_part, _total) = (next, next.Total ?? _total);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "an upload comes by the coordinator at {Address}")]
    private partial void LogBegins(System.Net.IPAddress address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the upload broke off, {Here} are here and the rest is waited for: {Error}")]
    private partial void LogBroken(string here, string error);
}
