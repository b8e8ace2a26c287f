using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Registry;

/// <summary>A layer's tar, as far as it says something of /disk. Names in it are compared and shown, and never lead to a file.</summary>
internal sealed class LayerArchive : IDisposable
{
    private const string Whiteout = ".wh.", Opaque = ".wh..wh..opq", Folder = "disk";

    // What lies beside the disk in an honest image is small; what unpacks to more than this is a bomb.
    private const long MostBeside = 16L << 30;

    private readonly BlobStream _blob;
    private readonly Stream _plain;
    private readonly TarArchive _archive;
    private readonly string _name;
    private long _beside;

    /// <param name="blob">Disposed with it.</param>
    /// <param name="packing">What it is packed in.</param>
    /// <param name="name">What errors call the image.</param>
    public LayerArchive(BlobStream blob, Layer? packing, string name)
    {
        (_blob, _name) = (blob, name);
        _plain = packing is { } layer ? Wrapping.Unwrap(blob, layer) : blob;
        _archive = new TarArchive(_plain);
    }

    /// <summary>Whether /disk of the layers below is not to be seen.</summary>
    public bool HidesBelow { get; private set; }

    /// <summary>The files of /disk in the layers below that are not to be seen.</summary>
    public HashSet<string> Hidden { get; } = new(StringComparer.Ordinal);

    /// <summary>The next regular file directly in disk/.</summary>
    /// <exception cref="ImageException">There is something that no container disk has there.</exception>
    public (string Name, long Length)? Next()
    {
        while (_archive.Next() is { } entry)
        {
            string[] path = [.. entry.Name.Split('/').Where(part => part is not ("" or "."))];
            if (path is [Opaque] or [Whiteout + Folder] or [Folder, Opaque])
                HidesBelow = true;
            else if (path is [Folder, var gone] && gone.StartsWith(Whiteout, StringComparison.Ordinal))
                Hidden.Add(gone[Whiteout.Length..]);
            else if (path is [Folder] && entry.Kind != TarKind.Directory)
                throw Refuse($"its /disk is no directory but {entry.Kind.Named()}");
            else if (path is [Folder, var file] && entry.Kind != TarKind.Directory)
                return entry.Kind == TarKind.File ? (file, entry.Size) : throw Refuse($"its /disk/{file} is no regular file but {entry.Kind.Named()}");
            if ((_beside += entry.Size) > MostBeside)
                throw Refuse($"its layers unpack to more than {MostBeside} bytes beside the disk");
        }
        return null;
    }

    /// <summary>Reads of the file that was last found.</summary>
    public int Read(Span<byte> buffer) => _archive.Read(buffer);

    /// <summary>Reads the layer to its last byte, so that all of it is judged.</summary>
    public void Finish()
    {
        var (buffer, rest) = (new byte[128 << 10], _beside);
        while (_plain.Read(buffer) is var count and > 0)
            if ((rest += count) > MostBeside)
                throw Refuse($"its layers unpack to more than {MostBeside} bytes beside the disk");
        _blob.Finish();
    }

    public void Dispose() => _plain.Dispose();

    private ImageException Refuse(string why) => new(ImageFailure.Refused,
        $"{_name} is refused: {why}; a container disk has one regular file in /disk (FROM scratch, ADD disk.qcow2 /disk/)");
}
