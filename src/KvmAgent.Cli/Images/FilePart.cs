using System.Net;
using System.Net.Http.Headers;
using KvmAgent.Contracts.Rest;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Cli.Images;

/// <summary>A piece of a file, as a request's body.</summary>
internal sealed class FilePart : HttpContent
{
    private const int PieceLength = 256 << 10;

    private readonly SafeFileHandle _file;
    private readonly long _offset, _length;
    private readonly Action<long> _sent;

    public FilePart(SafeFileHandle file, long offset, long length, Action<long> sent)
    {
        (_file, _offset, _length, _sent) = (file, offset, length, sent);
        Headers.ContentType = new MediaTypeHeaderValue(ImageUploads.Media);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var piece = new byte[PieceLength];
        for (long done = 0; done < _length;)
        {
            var count = await RandomAccess.ReadAsync(_file, piece.AsMemory(0, (int)Math.Min(piece.Length, _length - done)), _offset + done, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                throw new IOException("the file has become shorter");
            }

            await stream.WriteAsync(piece.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            done += count;
            _sent(_offset + done);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }
}
