using System.Buffers.Binary;
using System.Text;

namespace KvmAgent.ConfigDrive.Iso;

/// <summary>
/// One way to the files: the primary hierarchy (upper-case names, the true ones by Rock Ridge) or Joliet's (UCS-2). Each has its own
/// directories, path tables and volume descriptor; the contents of files are shared.
/// </summary>
internal sealed class IsoHierarchy
{
    private readonly bool _joliet;

    /// <summary>In the path table's order (ECMA-119, 6.9.1): by depth, then by parent, then by name.</summary>
    private readonly List<IsoNode> _directories;

    private readonly Dictionary<IsoNode, Extent> _extents;
    private readonly Dictionary<IsoNode, byte[]> _identifiers = [];
    private Extent _littleEndianTable = Extent.Unknown, _bigEndianTable = Extent.Unknown;

    public IsoHierarchy(IsoNode root, bool joliet)
    {
        _joliet = joliet;
        _directories = [root];
        for (var i = 0; i < _directories.Count; i++)
        {
            foreach (var (child, identifier) in IsoNames.Of(_directories[i], joliet))
            {
                _identifiers[child] = identifier;
            }

            _directories.AddRange(Sorted(_directories[i]).Where(child => child.IsDirectory));
        }

        _extents = _directories.ToDictionary(directory => directory, _ => Extent.Unknown);
    }

    /// <summary>Gives the path tables and directories their sectors, from <paramref name="next"/> on.</summary>
    public void Place(ref uint next)
    {
        // What they say of places is not known yet, but how long they are does not depend on it.
        _littleEndianTable = Take(PathTable(bigEndian: false), ref next);
        _bigEndianTable = Take(PathTable(bigEndian: true), ref next);
        foreach (var directory in _directories)
        {
            _extents[directory] = Take(Records(directory), ref next);
        }
    }

    /// <summary>Writes all that was placed, and the volume descriptor.</summary>
    public void Write(Span<byte> image, uint descriptorSector, string label, uint sectors)
    {
        Describe(image[IsoImage.Offset(descriptorSector)..], label, sectors);
        PathTable(bigEndian: false).CopyTo(image[IsoImage.Offset(_littleEndianTable.Sector)..]);
        PathTable(bigEndian: true).CopyTo(image[IsoImage.Offset(_bigEndianTable.Sector)..]);
        foreach (var directory in _directories)
        {
            Records(directory).CopyTo(image[IsoImage.Offset(_extents[directory].Sector)..]);
        }
    }

    private static Extent Take(byte[] content, ref uint next)
    {
        var extent = new Extent(next, (uint)content.Length);
        next += extent.Sectors;
        return extent;
    }

    /// <summary>The volume descriptor (ECMA-119, 8.4 and 8.5).</summary>
    private void Describe(Span<byte> descriptor, string label, uint sectors)
    {
        descriptor[0] = _joliet ? (byte)2 : (byte)1;
        "CD001\u0001"u8.CopyTo(descriptor[1..]);
        Text("").CopyTo(descriptor[8..40]);
        Text(label).CopyTo(descriptor[40..72]);
        IsoRecord.Both32(descriptor[80..], sectors);
        (_joliet ? "%/E"u8 : []).CopyTo(descriptor[88..]);
        IsoRecord.Both16(descriptor[120..], 1);
        IsoRecord.Both16(descriptor[124..], 1);
        IsoRecord.Both16(descriptor[128..], IsoImage.SectorSize);
        IsoRecord.Both32(descriptor[132..], _littleEndianTable.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor[140..], _littleEndianTable.Sector);
        BinaryPrimitives.WriteUInt32BigEndian(descriptor[148..], _bigEndianTable.Sector);
        IsoRecord.Of(IsoRecord.Self, _extents[_directories[0]], isDirectory: true, []).CopyTo(descriptor[156..]);

        // Publisher and the like, unused: all blanks.
        for (var at = 190; at < 812; at += 2)
        {
            Text("")[..2].CopyTo(descriptor[at..]);
        }

        IsoImage.VolumeDate.CopyTo(descriptor[813..]);
        IsoImage.VolumeDate.CopyTo(descriptor[830..]);
        IsoImage.NoDate.CopyTo(descriptor[847..]);
        IsoImage.NoDate.CopyTo(descriptor[864..]);
        descriptor[881] = 1;
    }

    /// <summary>A field of 32 bytes, filled up with blanks. A longer label is cut in Joliet, which readers know to be the same one's beginning.</summary>
    private byte[] Text(string text) => _joliet ? Encoding.BigEndianUnicode.GetBytes(text.PadRight(16)[..16]) : Encoding.ASCII.GetBytes(text.PadRight(32));

    /// <summary>ECMA-119, 9.4.</summary>
    private byte[] PathTable(bool bigEndian)
    {
        using var table = new MemoryStream();
        Span<byte> place = stackalloc byte[6];
        foreach (var directory in _directories)
        {
            var identifier = directory.IsRoot ? IsoRecord.Self : Identifier(directory);
            var parent = (ushort)(1 + _directories.IndexOf(directory.Parent));
            if (bigEndian)
            {
                BinaryPrimitives.WriteUInt32BigEndian(place, _extents[directory].Sector);
                BinaryPrimitives.WriteUInt16BigEndian(place[4..], parent);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(place, _extents[directory].Sector);
                BinaryPrimitives.WriteUInt16LittleEndian(place[4..], parent);
            }

            table.Write([(byte)identifier.Length, 0]);
            table.Write(place);
            table.Write(identifier);
            table.Write(new byte[identifier.Length % 2]);
        }

        return table.ToArray();
    }

    /// <summary>A directory's content in whole sectors. No record crosses a sector's end (ECMA-119, 6.8.1.1).</summary>
    private byte[] Records(IsoNode directory)
    {
        byte[] mark = directory.IsRoot ? IsoRecord.RockRidgeMark : [];
        IEnumerable<byte[]> records =
        [
            Record(IsoRecord.Self, directory, [.. mark, .. IsoRecord.Mode(directory)]),
            Record(IsoRecord.Above, directory.Parent, IsoRecord.Mode(directory.Parent)),
            .. Sorted(directory).Select(child => Record(Identifier(child), child, [.. IsoRecord.Mode(child), .. IsoRecord.Name(child.Name)])),
        ];

        using var content = new MemoryStream();
        foreach (var record in records)
        {
            var room = IsoImage.Padding(content.Length);
            content.Write(new byte[record.Length > room ? room : 0]);
            content.Write(record);
        }

        content.Write(new byte[IsoImage.Padding(content.Length)]);
        return content.ToArray();
    }

    private byte[] Record(byte[] identifier, IsoNode node, byte[] rockRidge) =>
        IsoRecord.Of(identifier, node.IsDirectory ? _extents[node] : node.Extent, node.IsDirectory, _joliet ? [] : rockRidge);

    private IEnumerable<IsoNode> Sorted(IsoNode directory) =>
        directory.Children.OrderBy(Identifier, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));

    private byte[] Identifier(IsoNode node) => _identifiers[node];
}
