using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// Reads and bounds-checks a VHD (Virtual Hard Disk Image Format Specification 1.0). A footer of 512 bytes ends the file.
/// A fixed disk is a raw one with that footer, so who probes instead of being told (QEMU does not look at the end) takes it
/// for raw: the same disk, 512 bytes longer. Hence it is no polyglot, but to be opened as VHD by name.
/// </summary>
internal static class VhdParser
{
    private const int FooterSize = 512;
    private const int HeaderSize = 1024;
    private const uint Version = 0x0001_0000;
    private const uint MaxBlockSize = 256 << 20;
    private const int MostTableRead = 64 * 1024;

    // QEMU's limit, 2040 GiB.
    private const long MaxSize = 0xff00_0000L * 512;
    private const long MaxGeometry = 65535L * 16 * 255;

    public static ReadOnlySpan<byte> Magic => "conectix"u8;

    public static ImageInfo Parse(ImageBytes bytes, string name)
    {
        var refuse = new Refusal(name, "VHD");
        Span<byte> footer = stackalloc byte[FooterSize];
        refuse.Demand(bytes.TryRead(bytes.Length - FooterSize, footer) && footer.StartsWith(Magic),
            $"its footer is not at the end of the file at {bytes.Length}; it may be truncated");
        refuse.Demand(IsSummed(footer, 64), "its footer's checksum is wrong");
        refuse.Demand(Word(footer, 12) == Version, $"its version is 0x{Word(footer, 12):x}");
        var type = Word(footer, 60);
        // What a differencing disk does not hold comes from a parent, which it names.
        if (type == 4)
            throw Child(refuse);
        refuse.Demand(type is 2 or 3, $"its type is {type}");
        refuse.Demand(footer[84] == 0, "it holds the saved state of a machine");
        var (size, isGeometry) = Size(footer, refuse);

        var blockSize = type == 2 ? CheckFixed(bytes, footer, size, refuse) : CheckDynamic(bytes, footer, size, refuse);
        return new ImageInfo(ImageFormat.Vhd, size, bytes.Length, "a VHD image", null)
        {
            ClusterSize = blockSize,
            Features = [type == 2 ? "fixed" : "dynamic"],
            SizeIsGeometry = isGeometry,
        };
    }

    /// <summary>
    /// Two sizes stand in a footer. Virtual PC's disks end where cylinders × heads × sectors end; the field "current size" is
    /// often greater. Other programs mean that field, and so does who fills the geometry to its limit. As QEMU we tell them apart
    /// by the creator: Hyper-V, QEMU with force_size, disk2vhd, XenServer, Azure (QEMU since 9.1) mean the field.
    /// </summary>
    private static (long Size, bool IsGeometry) Size(ReadOnlySpan<byte> footer, Refusal refuse)
    {
        var current = Long(footer, 48);
        refuse.Demand(current is > 0 and <= (ulong)MaxSize && current % 512 == 0, $"its virtual size is {current}");
        var geometry = (long)BinaryPrimitives.ReadUInt16BigEndian(footer[56..]) * footer[58] * footer[59];
        var creator = footer[28..32];
        var meansField = creator.SequenceEqual("win "u8) || creator.SequenceEqual("qem2"u8) || creator.SequenceEqual("d2v "u8)
            || creator.SequenceEqual("tap\0"u8) || creator.SequenceEqual("wa\0\0"u8);
        var isGeometry = !meansField && geometry != MaxGeometry;
        var size = isGeometry ? geometry * 512 : (long)current;
        refuse.Demand(size is > 0 and <= MaxSize, $"its geometry makes {size} bytes");
        return (size, isGeometry);
    }

    private static int? CheckFixed(ImageBytes bytes, ReadOnlySpan<byte> footer, long size, Refusal refuse)
    {
        // QEMU would believe a footer at the beginning before it looks at the end.
        refuse.Demand(!bytes.Has(0, Magic), "it is fixed, and its disk begins with a footer as well");
        refuse.Demand(Long(footer, 16) == ulong.MaxValue, "it is fixed and has the header of a dynamic one");
        var room = bytes.Length - FooterSize;
        refuse.Demand(size <= room && Long(footer, 48) <= (ulong)room, $"its disk of {Math.Max(size, (long)Long(footer, 48))} bytes is beyond the end of the file at {bytes.Length}; it may be truncated");
        return null;
    }

    private static int CheckDynamic(ImageBytes bytes, ReadOnlySpan<byte> footer, long size, Refusal refuse)
    {
        Span<byte> copy = stackalloc byte[FooterSize];
        // Some programs read the one, some the other.
        refuse.Demand(bytes.TryRead(0, copy) && copy.SequenceEqual(footer), "the copy of its footer at the beginning differs from it");

        Span<byte> header = stackalloc byte[HeaderSize];
        var at = Long(footer, 16);
        refuse.Demand(at is >= FooterSize and <= long.MaxValue && at % 512 == 0 && (long)at <= bytes.Length - FooterSize - HeaderSize && bytes.TryRead((long)at, header)
            && header.StartsWith("cxsparse"u8), $"there is no header at {at}");
        refuse.Demand(IsSummed(header, 36), "its header's checksum is wrong");
        refuse.Demand(Word(header, 24) == Version, $"its header's version is 0x{Word(header, 24):x}");
        // The parent's identity, and eight places where to look for it.
        if (header[40..56].ContainsAnyExcept((byte)0) || header[576..768].ContainsAnyExcept((byte)0))
            throw Child(refuse);

        var (blocks, blockSize) = (Word(header, 28), Word(header, 32));
        refuse.Demand(blockSize is >= 4096 and <= MaxBlockSize && uint.IsPow2(blockSize), $"its block size is {blockSize}");
        refuse.Demand(size <= (long)blocks * blockSize && Long(footer, 48) <= (ulong)blocks * blockSize, $"{blocks} blocks of {blockSize} bytes do not hold its disk of {size}");
        CheckTable(bytes, Long(header, 16), blocks, blockSize, refuse);
        return (int)blockSize;
    }

    // A block is its sectors and, before them, a bitmap with a bit for each. The table's rest is checked by whoever copies the blocks.
    private static void CheckTable(ImageBytes bytes, ulong offset, uint blocks, uint blockSize, Refusal refuse)
    {
        var end = bytes.Length - FooterSize;
        refuse.Demand(offset >= FooterSize && offset % 512 == 0 && offset <= (ulong)end && 4L * blocks <= end - (long)offset,
            $"its table of {blocks} blocks at {offset} is beyond the end of the file at {bytes.Length}; it may be truncated");
        var bitmap = (blockSize / 512 / 8 + 511) / 512 * 512;
        var table = new byte[(int)Math.Min(4L * blocks, MostTableRead)];
        refuse.Demand(bytes.TryRead((long)offset, table), "its table is cut off");
        for (var i = 0; i < table.Length; i += 4)
        {
            var entry = Word(table, i);
            refuse.Demand(entry == uint.MaxValue || entry > 0 && 512L * entry + bitmap + blockSize <= end,
                $"a block at {512L * entry} is beyond the end of the file at {bytes.Length}; it may be truncated");
        }
    }

    /// <summary>The ones' complement of the sum of all bytes but those of the sum.</summary>
    private static bool IsSummed(ReadOnlySpan<byte> block, int at)
    {
        var sum = 0u;
        for (var i = 0; i < block.Length; i++)
            if (i < at || i >= at + 4)
                sum += block[i];
        return ~sum == Word(block, at);
    }

    private static ImageException Child(Refusal refuse) =>
        refuse.Because("it is a VHD that holds only the changes to a parent image, which it names; merge it with its parent first");

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32BigEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64BigEndian(raw[at..]);
}
