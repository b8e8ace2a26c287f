using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Registry;

/// <summary>The one file under /disk of an image, out of the highest layer that has one.</summary>
/// <param name="name">What errors call the image.</param>
/// <param name="layers">The lowest first.</param>
/// <param name="open">Opens the blob of a layer; blocks.</param>
/// <param name="ct">Ends it between two layers.</param>
internal sealed class RegistryDisk(string name, IReadOnlyList<Descriptor> layers, Func<Descriptor, BlobStream> open, CancellationToken ct) : ReadOnlyStream
{
    private readonly HashSet<string> _hidden = new(StringComparer.Ordinal);
    private LayerArchive? _layer;
    private string? _file;
    private long _length;
    private bool _ended;

    /// <summary>In bytes; reads as far as the disk's beginning.</summary>
    public long DiskLength => Guarded(() =>
    {
        Find();
        return _length;
    });

    public override int Read(Span<byte> buffer)
    {
        if (_ended || buffer.Length == 0)
            return 0;
        try
        {
            Find();
            if (_layer!.Read(buffer) is var count and > 0)
                return count;
            Finish();
            return 0;
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(e);
        }
    }

    protected override void Release() => _layer?.Dispose();

    private void Find()
    {
        if (_file is not null)
            return;
        foreach (var layer in layers.Reverse())
        {
            ct.ThrowIfCancellationRequested();
            _layer?.Dispose();
            _layer = Open(layer);
            if (NextSeen() is var (file, length))
            {
                (_file, _length) = (file, length);
                return;
            }
            _layer.Finish();
            _hidden.UnionWith(_layer.Hidden);
            if (_layer.HidesBelow)
                break;
        }
        throw Refuse("none of its layers has a file in /disk");
    }

    private (string Name, long Length)? NextSeen()
    {
        while (_layer!.Next() is { } found)
            if (!_hidden.Contains(found.Name))
                return found;
        return null;
    }

    private LayerArchive Open(Descriptor layer)
    {
        var packing = RegistryManifest.Packing(layer, name);
        var blob = open(layer);
        try
        {
            return new LayerArchive(blob, packing, name);
        }
        catch
        {
            blob.Dispose();
            throw;
        }
    }

    private void Finish()
    {
        if (NextSeen() is var (second, _))
            throw Refuse($"it has more than one file in /disk ('{_file}', '{second}')");
        _layer!.Finish();
        _ended = true;
    }

    private T Guarded<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(e);
        }
    }

    private static bool IsDamage(Exception e) => e is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException;

    private ImageException Damaged(Exception e) =>
        new(ImageFailure.Refused, $"{name} is refused: a layer of it is damaged ({e.Message}); try again, or push the image anew", e);

    private ImageException Refuse(string why) => new(ImageFailure.Refused,
        $"{name} is refused: {why}; a container disk has one regular file in /disk (FROM scratch, ADD disk.qcow2 /disk/)");
}
