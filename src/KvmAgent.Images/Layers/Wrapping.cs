using System.IO.Compression;

namespace KvmAgent.Images.Layers;

/// <summary>Takes the wrappings off an image, layer by layer, as it streams by.</summary>
internal static class Wrapping
{
    // A disk in a tar in an xz is usual; more than this is a game.
    private const int MaxLayers = 4;

    // What `zstd -d` takes without being asked to: 128 MiB.
    private const int LargestWindow = 27;

    // Without it GZipStream takes a stream that was cut short for one that is complete.
    static Wrapping() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <param name="source">The stream; disposed with the result.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="look">How much of the image's beginning shall be seen.</param>
    /// <param name="keep">What is left on, with all that is inside.</param>
    /// <returns>The image itself, and what it was wrapped in, the outermost first.</returns>
    /// <exception cref="ImageException">It is wrapped too often, or in a tar with anything but one file.</exception>
    public static (PeekStream Image, IReadOnlyList<Layer> Layers) Remove(Stream source, string name, int look, Layer? keep = null)
    {
        var layers = new List<Layer>();
        var stream = new PeekStream(source, Math.Max(look, LayerSigns.Needed));
        try
        {
            while (LayerSigns.Find(stream.Beginning.Span) is { } layer && layer != keep)
            {
                if (layers.Count == MaxLayers)
                    throw Refuse($"it is wrapped more than {MaxLayers} times ({string.Join(", ", layers.Select(l => l.Name()))}, …)", "unpack it first");
                layers.Add(layer);
                stream = new PeekStream(Unwrap(stream, layer), Math.Max(look, LayerSigns.Needed));
            }
            return (stream, layers);
        }
        catch (InvalidDataException e)
        {
            stream.Dispose();
            throw Refuse(e.Message, "fetch or make it anew");
        }
        catch
        {
            stream.Dispose();
            throw;
        }

        ImageException Refuse(string why, string remedy) => new(ImageFailure.Refused, $"{name} is refused as a disk image: {why}; {remedy}");
    }

    /// <summary>One wrapper less; the stream is disposed with the result.</summary>
    public static Stream Unwrap(Stream stream, Layer layer) => layer switch
    {
        Layer.Gzip => new ReadAhead(new GZipStream(stream, CompressionMode.Decompress)),
        Layer.Xz => new ReadAhead(new DecoderStream(stream, new Xz(), layer)),
        Layer.Zstd => new ReadAhead(new DecoderStream(stream, new Zstd(LargestWindow), layer)),
        Layer.Tar => new TarDisk(stream),
        _ => throw new ArgumentOutOfRangeException(nameof(layer), layer, null),
    };
}

/// <summary>The one file in a tar archive. Names in it are looked at by nobody, so that none can lead anywhere.</summary>
internal sealed class TarDisk : ReadOnlyStream
{
    private readonly Stream _stream;
    private readonly TarArchive _archive;
    private bool _ended;

    public TarDisk(Stream stream)
    {
        (_stream, _archive) = (stream, new TarArchive(stream));
        DiskLength = NextFile() is { } file ? file.Size : throw new InvalidDataException("it is a tar archive without a file");
    }

    /// <summary>In bytes, as its header says.</summary>
    public long DiskLength { get; }

    public override int Read(Span<byte> buffer)
    {
        var count = _ended ? 0 : _archive.Read(buffer);
        if (count == 0 && !_ended)
        {
            _ended = true;
            if (NextFile() is { } second)
                throw new InvalidDataException($"it is a tar archive with more than one file ('{second.Name}')");
        }
        return count;
    }

    protected override void Release() => _stream.Dispose();

    private TarMember? NextFile()
    {
        while (_archive.Next() is { } member)
        {
            if (member.Kind == TarKind.File)
                return member;
            if (member.Kind != TarKind.Directory)
                throw new InvalidDataException($"it is a tar archive with {member.Kind.Named()} ('{member.Name}')");
        }
        return null;
    }
}
