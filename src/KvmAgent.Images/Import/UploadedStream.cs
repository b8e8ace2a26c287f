using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>Reads what is sent.</summary>
internal sealed class UploadedStream(UploadedImage image) : IImageStream
{
    public string Name => image.Name;

    public long? TotalLength => image.Length;

    public Stream ReadThrough(int ahead, CancellationToken ct) => new Body(image, ct);

    public void Dispose()
    {
        // The content is not ours.
    }

    private sealed class Body(UploadedImage image, CancellationToken ct) : PieceStream
    {
        private readonly byte[] _buffer = new byte[128 << 10];

        protected override ReadOnlyMemory<byte> Next() => NextAsync().GetAwaiter().GetResult();

        private async Task<ReadOnlyMemory<byte>> NextAsync()
        {
            try
            {
                return _buffer.AsMemory(0, await image.ReadAsync(_buffer, ct).ConfigureAwait(false));
            }
            catch (IOException e)
            {
                throw new ImageException(ImageFailure.Unavailable, $"{image.Name} broke off: {e.Message}", e);
            }
        }
    }
}
