using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>Reads what is sent, for as long as it comes and to the announced end.</summary>
/// <param name="image">What is sent.</param>
/// <param name="silence">How long nothing may come.</param>
/// <param name="time">The clock.</param>
internal sealed class UploadedStream(UploadedImage image, TimeSpan silence, TimeProvider time) : IImageStream
{
    public string Name => image.Name;

    public long? TotalLength => image.Length;

    public Stream ReadThrough(int ahead, CancellationToken ct) => new Body(image, silence, time, ct);

    public void Dispose()
    {
        // The content is not ours.
    }

    private sealed class Body(UploadedImage image, TimeSpan silence, TimeProvider time, CancellationToken ct) : PieceStream
    {
        private readonly byte[] _buffer = new byte[128 << 10];
        private long _received;

        protected override ReadOnlyMemory<byte> Next() => NextAsync().GetAwaiter().GetResult();

        private async Task<ReadOnlyMemory<byte>> NextAsync()
        {
            using var limit = new CancellationTokenSource(silence, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
            int count;
            try
            {
                count = await image.Content.ReadAsync(_buffer, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
            {
                throw Broken($"nothing came for {silence.TotalSeconds:0.#} s", e);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw Broken(e.Message, e);
            }
            _received += count;
            if (count == 0 && image.Length is { } length && _received != length)
                throw Broken($"it ended at {_received} of {length} bytes", null);
            return _buffer.AsMemory(0, count);
        }

        private ImageException Broken(string why, Exception? e) =>
            new(ImageFailure.Unavailable, $"{image.Name} broke off: {why}; send it again", e);
    }
}
