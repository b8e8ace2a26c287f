using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// Reads and bounds-checks a VMDK of one file (VMware Virtual Disk Format 5.0): a sparse extent that holds its own descriptor.
/// All else is a list of names of other files, and whoever opens it opens those (CVE-2022-47951, CVE-2024-40767).
/// </summary>
internal static class VmdkParser
{
    private const int Sector = 512;
    private const ulong AtEnd = ulong.MaxValue;
    private const long MaxSectors = long.MaxValue / Sector / 2;
    private const int MaxDescriptorSectors = 128;
    private const int MostDirectoryRead = 64 * 1024;
    private const int EntriesPerTable = 512;
    private const int FooterSize = 3 * Sector;

    // Line ends are checked, there is a second directory, grains may be marked zero; compressed, with markers.
    private const uint LineEnds = 1, Redundant = 2, KnownFlags = 0x3_0007, StreamFlags = 0x3_0000;

    public static ImageInfo Parse(ImageBytes bytes, string name)
    {
        var refuse = new Refusal(name, "VMDK");
        Span<byte> raw = stackalloc byte[Sector];
        refuse.Demand(bytes.TryRead(0, raw), $"its header is cut off at {bytes.Length} bytes");
        refuse.Demand(Word(raw, 4) is >= 1 and <= 3, $"its version is {Word(raw, 4)}, not 1 to 3");
        var flags = Word(raw, 8);
        if ((flags & ~KnownFlags) is not 0 and var unknown)
            throw refuse.Because($"it needs features that are not known here (VMDK flags 0x{unknown:x}); convert it: qemu-img convert -O qcow2");
        // An image sent as text is broken for good; these four characters would show it.
        refuse.Demand((flags & LineEnds) == 0 || raw[73..77].SequenceEqual("\n \r\n"u8), "its line ends were changed on the way");
        // With no capacity QEMU takes the embedded descriptor for one that names other files (CVE-2022-47951).
        var (capacity, grain) = (Long(raw, 12), Long(raw, 20));
        refuse.Demand(capacity is > 0 and <= (ulong)MaxSectors, $"its capacity is {capacity} sectors");
        refuse.Demand(grain is >= 8 and <= 128 * 1024 && ulong.IsPow2(grain), $"its grain size is {grain} sectors");
        refuse.Demand(Word(raw, 44) == EntriesPerTable, $"its grain tables have {Word(raw, 44)} entries");

        var compressed = BinaryPrimitives.ReadUInt16LittleEndian(raw[77..]);
        var isStream = (flags & StreamFlags) == StreamFlags && compressed == 1;
        refuse.Demand(isStream || (flags & StreamFlags) == 0 && compressed == 0, $"its flags 0x{flags:x} and its compression {compressed} disagree");
        VmdkDescriptor.Demand(ReadDescriptor(bytes, raw, refuse), isStream ? "streamOptimized" : "monolithicSparse", (long)capacity, refuse);

        var directory = Long(raw, 56);
        if (directory == AtEnd)
        {
            refuse.Demand(isStream, "its directory is said to be at the end, but it is no stream");
            directory = ReadFooter(bytes, raw, refuse);
        }
        CheckDirectories(bytes, raw, directory, refuse);
        return new ImageInfo(ImageFormat.Vmdk, (long)capacity * Sector, bytes.Length, "a VMDK image", null)
        {
            ClusterSize = (int)grain * Sector,
            Features = raw[72] == 0 ? [isStream ? "streamOptimized" : "monolithicSparse"] : [isStream ? "streamOptimized" : "monolithicSparse", "dirty"],
        };
    }

    private static byte[] ReadDescriptor(ImageBytes bytes, ReadOnlySpan<byte> raw, Refusal refuse)
    {
        var (offset, size) = (Long(raw, 28), Long(raw, 36));
        refuse.Demand(offset is > 0 and <= (ulong)MaxSectors && size is > 0 and <= MaxDescriptorSectors, $"its descriptor is said to be {size} sectors at {offset}");
        var text = new byte[(int)size * Sector];
        refuse.Demand(bytes.TryRead((long)offset * Sector, text), $"its descriptor of {size} sectors at {offset} is beyond the end of the file at {bytes.Length}");
        return text;
    }

    // Writers that cannot seek tell the directory's place in a copy of the header, at the end: marker, copy, end-of-stream marker.
    // Some programs believe the header, some the footer (CVE-2024-40767); so they must be alike.
    private static ulong ReadFooter(ImageBytes bytes, ReadOnlySpan<byte> header, Refusal refuse)
    {
        Span<byte> raw = stackalloc byte[FooterSize];
        refuse.Demand(bytes.Length % Sector == 0 && bytes.TryRead(bytes.Length - FooterSize, raw), $"its footer is not at the end of the file at {bytes.Length}; it may be truncated");
        var footer = raw[Sector..(2 * Sector)];
        var end = raw[(2 * Sector)..];
        refuse.Demand(Word(raw, 8) == 0 && Word(raw, 12) == 3 && footer.StartsWith("KDMV"u8) && !end.ContainsAnyExcept((byte)0),
            "it does not end in a footer; it may be truncated");
        refuse.Demand(footer[..56].SequenceEqual(header[..56]) && footer[64..].SequenceEqual(header[64..]), "its footer differs from its header");
        return Long(footer, 56);
    }

    private static void CheckDirectories(ImageBytes bytes, ReadOnlySpan<byte> raw, ulong directory, Refusal refuse)
    {
        var perTable = Long(raw, 20) * EntriesPerTable;
        var tables = (Long(raw, 12) + perTable - 1) / perTable;
        refuse.Demand(Long(raw, 64) <= (ulong)(bytes.Length / Sector), $"its first grain, in sector {Long(raw, 64)}, is beyond the end of the file at {bytes.Length}; it may be truncated");
        Demand(directory);
        if ((Word(raw, 8) & Redundant) != 0)
            Demand(Long(raw, 48));

        // The rest is checked by whoever copies the grains.
        var entries = new byte[(int)Math.Min(4 * tables, MostDirectoryRead)];
        refuse.Demand(bytes.TryRead((long)directory * Sector, entries), "its directory is cut off");
        for (var i = 0; i < entries.Length; i += 4)
        {
            long table = Word(entries, i);
            refuse.Demand(table * Sector + 4 * EntriesPerTable <= bytes.Length, $"a grain table in sector {table} is beyond the end of the file at {bytes.Length}; it may be truncated");
        }

        void Demand(ulong sector) => refuse.Demand(
            sector > 0 && sector <= (ulong)(bytes.Length / Sector) && tables <= (ulong)(bytes.Length - (long)sector * Sector) / 4,
            $"its directory of {tables} tables in sector {sector} is beyond the end of the file at {bytes.Length}; it may be truncated");
    }

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32LittleEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64LittleEndian(raw[at..]);
}
