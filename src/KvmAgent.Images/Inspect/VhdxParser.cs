using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>Reads and bounds-checks a VHDX (MS-VHDX): identifier, two headers, regions, metadata, the beginning of its block table.</summary>
internal static class VhdxParser
{
    private const int HeaderSize = 4096;
    private const int HeaderOne = 64 * 1024;
    private const int HeaderTwo = 128 * 1024;
    private const int TableSize = 64 * 1024;
    private const int MaxRegions = 2047;
    private const long Mega = 1 << 20;
    private const long MaxSize = 64L << 40;

    // The specification allows 2047; writers make five or six.
    private const int MaxMetadata = 128;
    private const int MostTableRead = 32 * 1024;

    private static readonly Guid BlockTableRegion = new("2dc27766-f623-4200-9d64-115e9bfd4a08");
    private static readonly Guid MetadataRegion = new("8b7ca206-4790-4b9a-b8fe-575f050f886e");

    private static readonly Guid FileParameters = new("caa16737-fa36-4d43-b3b6-33f0aa44e76b");
    private static readonly Guid VirtualDiskSize = new("2fa54224-cd1b-4876-b211-5dbed83bf4b8");
    private static readonly Guid VirtualDiskId = new("beca12ab-b2e6-4523-93ef-c309e000c746");
    private static readonly Guid LogicalSector = new("8141bf1d-a96f-4709-ba47-f233a8faab5f");
    private static readonly Guid PhysicalSector = new("cda348c7-445d-4471-9cc9-e9885251c556");
    private static readonly Guid ParentLocator = new("a8d35f2d-b30b-454d-abf7-d3d84834ab0c");

    private readonly record struct Region(long Offset, long Length)
    {
        public bool Meets(Region other) => Offset < other.Offset + other.Length && other.Offset < Offset + Length;
    }

    private readonly record struct Metadata(uint BlockSize, bool Fixed, long Size, uint Sector);

    public static ImageInfo Parse(ImageBytes bytes, string name)
    {
        var refuse = new Refusal(name, "VHDX");
        // The second header and the region table, 64 KiB behind it.
        var front = new byte[2 * TableSize];
        refuse.Demand(bytes.TryRead(HeaderTwo, front), $"it is cut off at {bytes.Length} bytes");
        CheckHeaders(bytes, front.AsSpan(0, HeaderSize), refuse);
        var (table, metadata) = ReadRegions(bytes, front.AsSpan(TableSize), refuse);
        var disk = ReadMetadata(bytes, metadata, refuse);
        CheckBlockTable(bytes, table, disk, refuse);
        return new ImageInfo(ImageFormat.Vhdx, disk.Size, bytes.Length, "a VHDX image", null)
        {
            ClusterSize = (int)disk.BlockSize,
            Features = disk.Sector == 512 ? [disk.Fixed ? "fixed" : "dynamic"] : [disk.Fixed ? "fixed" : "dynamic", "sectors of 4096 bytes"],
        };
    }

    // Of two headers one may be torn by a crash; of two sound ones the later counts.
    private static void CheckHeaders(ImageBytes bytes, Span<byte> two, Refusal refuse)
    {
        Span<byte> one = stackalloc byte[HeaderSize];
        var (isOne, isTwo) = (bytes.TryRead(HeaderOne, one) && IsSound(one, "head"u8), IsSound(two, "head"u8));
        refuse.Demand(isOne || isTwo, "neither of its headers is sound");
        // With equal numbers each program may choose another.
        refuse.Demand(!isOne || !isTwo || Long(one, 8) != Long(two, 8) || one.SequenceEqual(two), "its two headers differ and have the same number");
        ReadOnlySpan<byte> header = isOne && (!isTwo || Long(one, 8) >= Long(two, 8)) ? one : two;

        refuse.Demand(BinaryPrimitives.ReadUInt16LittleEndian(header[66..]) == 1, $"its version is {BinaryPrimitives.ReadUInt16LittleEndian(header[66..])}, not 1");
        // Replaying a log writes wherever the log says; we write nothing into what we do not trust.
        if (header[48..64].ContainsAnyExcept((byte)0))
            throw refuse.Because("it is a VHDX whose log is not empty, for it was not closed cleanly; open and close it with the tool that made it");
        var (logLength, logOffset) = (Word(header, 68), Long(header, 72));
        refuse.Demand(logLength % Mega == 0 && logOffset % Mega == 0, $"its log of {logLength} bytes lies at {logOffset}");
    }

    /// <summary>Its signature, and CRC-32C over all, with zero in place of the sum itself.</summary>
    private static bool IsSound(Span<byte> block, ReadOnlySpan<byte> signature)
    {
        if (!block.StartsWith(signature))
            return false;
        var sum = Word(block, 4);
        block[4..8].Clear();
        var found = Crc.Crc32C(block);
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], sum);
        return found == sum;
    }

    // There is a copy of this table 64 KiB on. QEMU looks at the first alone, so what it cannot read is no image for us.
    private static (Region BlockTable, Region Metadata) ReadRegions(ImageBytes bytes, Span<byte> raw, Refusal refuse)
    {
        refuse.Demand(IsSound(raw, "regi"u8), "its region table is not sound");
        var count = Word(raw, 8);
        refuse.Demand(count <= MaxRegions, $"it claims {count} regions");

        Region? table = null, metadata = null;
        for (var i = 0; i < count; i++)
        {
            var entry = raw.Slice(16 + 32 * i, 32);
            var (id, offset, length) = (new Guid(entry[..16]), Long(entry, 16), Word(entry, 24));
            refuse.Demand(offset >= Mega && offset % Mega == 0 && length > 0 && length % Mega == 0, $"its region {id} of {length} bytes lies at {offset}");
            refuse.Demand(offset <= (ulong)(long.MaxValue - length) && (long)offset + length <= bytes.Length,
                $"its region {id} of {length} bytes at {offset} is beyond the end of the file at {bytes.Length}; it may be truncated");
            var region = new Region((long)offset, length);
            if (id == BlockTableRegion && table is null)
                table = region;
            else if (id == MetadataRegion && metadata is null)
                metadata = region;
            else if (id == BlockTableRegion || id == MetadataRegion)
                throw refuse.Damaged($"its region {id} is there twice");
            else if ((Word(entry, 28) & 1) != 0)
                throw refuse.Because($"it is a VHDX that needs a region not known here ({id}); convert it: qemu-img convert -O qcow2");
        }
        if (table is not { } foundTable || metadata is not { } foundMetadata)
            throw refuse.Damaged("it has no block table or no metadata");
        refuse.Demand(!foundTable.Meets(foundMetadata), "its block table and its metadata overlap");
        return (foundTable, foundMetadata);
    }

    private static Metadata ReadMetadata(ImageBytes bytes, Region region, Refusal refuse)
    {
        Span<byte> head = stackalloc byte[32];
        refuse.Demand(bytes.TryRead(region.Offset, head) && head.StartsWith("metadata"u8), "its metadata table is not sound");
        var count = BinaryPrimitives.ReadUInt16LittleEndian(head[10..]);
        refuse.Demand(count <= MaxMetadata, $"it claims {count} pieces of metadata");
        var entries = new byte[32 * count];
        refuse.Demand(bytes.TryRead(region.Offset + 32, entries), "its metadata table is cut off");

        var seen = new HashSet<Guid>();
        (uint Block, uint Bits)? file = null;
        ulong? size = null;
        uint? logical = null;
        Span<byte> value = stackalloc byte[8];
        for (var i = 0; i < count; i++)
        {
            var entry = entries.AsSpan(32 * i, 32);
            var (id, offset, length, bits) = (new Guid(entry[..16]), Word(entry, 16), Word(entry, 20), Word(entry, 24));
            var isUsers = (bits & 1) != 0;
            refuse.Demand(seen.Add(id), $"its metadata {id} is there twice");
            refuse.Demand(length == 0 && offset == 0 || offset >= TableSize && (long)offset + length <= region.Length, $"its metadata {id}, {length} bytes at {offset}, lies outside");
            // The locator names another file, whose contents would show through.
            if (id == ParentLocator && !isUsers)
                throw Child(refuse);
            if (id == FileParameters && !isUsers)
            {
                Take(value);
                file = (Word(value, 0), Word(value, 4));
            }
            else if (id == VirtualDiskSize && !isUsers)
            {
                Take(value);
                size = Long(value, 0);
            }
            else if (id == LogicalSector && !isUsers)
            {
                Take(value[..4]);
                logical = Word(value, 0);
            }
            else if (id != VirtualDiskId && id != PhysicalSector && (bits & 4) != 0)
                throw refuse.Because($"it is a VHDX that needs metadata not known here ({id}); convert it: qemu-img convert -O qcow2");

            void Take(Span<byte> into) =>
                refuse.Demand(length == into.Length && bytes.TryRead(region.Offset + offset, into), $"its metadata {id} has {length} bytes, not {into.Length}");
        }
        if (file is not var (block, parameters) || size is not { } disk || logical is not { } sector)
            throw refuse.Damaged("its metadata do not tell block size, disk size and sector size");

        if ((parameters & 2) != 0)
            throw Child(refuse);
        refuse.Demand(block is >= (uint)Mega and <= 256 * (uint)Mega && uint.IsPow2(block), $"its block size is {block}");
        refuse.Demand(sector is 512 or 4096, $"its sectors have {sector} bytes");
        refuse.Demand(disk > 0 && disk <= MaxSize && disk % sector == 0, $"its virtual size is {disk}");
        return new Metadata(block, (parameters & 1) != 0, (long)disk, sector);
    }

    // After each run of blocks stands one entry for a bitmap, which only images with a parent use.
    private static void CheckBlockTable(ImageBytes bytes, Region table, Metadata disk, Refusal refuse)
    {
        var run = (1L << 23) * disk.Sector / disk.BlockSize;
        var blocks = (disk.Size + disk.BlockSize - 1) / disk.BlockSize;
        var entries = blocks + (blocks - 1) / run;
        refuse.Demand(entries <= table.Length / 8, $"its block table of {table.Length} bytes has no room for {blocks} blocks");

        // The rest is checked by whoever copies the blocks.
        var raw = new byte[(int)Math.Min(8 * entries, MostTableRead)];
        refuse.Demand(bytes.TryRead(table.Offset, raw), "its block table is cut off");
        for (var i = 0; i < raw.Length / 8; i++)
        {
            var entry = Long(raw, 8 * i);
            if (i % (run + 1) == run)
                continue;
            refuse.Demand((entry & 7) is 0 or 1 or 2 or 3 or 6, $"block {i} is in state {entry & 7}");
            var offset = entry & ~((ulong)Mega - 1);
            refuse.Demand((entry & 7) != 6 || offset >= (ulong)Mega && offset <= (ulong)(long.MaxValue - disk.BlockSize) && (long)offset + disk.BlockSize <= bytes.Length,
                $"a block at {offset} is beyond the end of the file at {bytes.Length}; it may be truncated");
        }
    }

    private static ImageException Child(Refusal refuse) =>
        refuse.Because("it is a VHDX that holds only the changes to a parent image, which it names; merge it with its parent first");

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32LittleEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64LittleEndian(raw[at..]);
}
