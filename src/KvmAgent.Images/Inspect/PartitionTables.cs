using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// Whether a raw disk's partition table can be true of it. The most frequent fault is a file cut short, which nothing else shows.
/// </summary>
internal static class PartitionTables
{
    private const int Sector = 512;
    private const int MbrEntries = 446;
    private const byte Protective = 0xee;
    private const int MaxGptEntries = 64 * 1024;

    public static void Demand(ImageBytes bytes, string name)
    {
        var refuse = new Refusal(name, "raw");
        Span<byte> mbr = stackalloc byte[Sector];
        var (isMbr, isProtective) = (false, false);
        if (bytes.TryRead(0, mbr) && mbr[510] == 0x55 && mbr[511] == 0xaa)
            (isMbr, isProtective) = CheckMbr(bytes, mbr[MbrEntries..510], refuse);

        // Behind an MBR with partitions of its own a GPT is what an earlier life of the disk left there.
        if (isMbr && !isProtective)
            return;
        if (bytes.Has(Sector, "EFI PART"u8))
            CheckGpt(bytes, Sector, refuse);
        else if (bytes.Has(4096, "EFI PART"u8))
            CheckGpt(bytes, 4096, refuse);
    }

    // As in Linux, it is a table only if each entry is marked active or not; a filesystem's boot sector has code or text there.
    private static (bool HasPartitions, bool IsProtective) CheckMbr(ImageBytes bytes, ReadOnlySpan<byte> entries, Refusal refuse)
    {
        var (has, isProtective) = (false, false);
        for (var i = 0; i < entries.Length; i += 16)
            if (entries[i] is not (0 or 0x80))
                return (false, false);
        for (var i = 0; i < entries.Length; i += 16)
        {
            var type = entries[i + 4];
            has |= type != 0;
            isProtective |= type == Protective;
            // A protective entry may claim more than there is.
            if (type is 0 or Protective)
                continue;
            long start = Word(entries, i + 8), count = Word(entries, i + 12);
            refuse.Demand(start > 0 && count > 0, $"partition {i / 16 + 1} of its MBR has {count} sectors from sector {start}");
            refuse.Demand(!bytes.Whole || (start + count) * Sector <= bytes.Length,
                $"partition {i / 16 + 1} of its MBR ends at {(start + count) * Sector}, beyond the end of the disk at {bytes.Length}; it is truncated");
        }
        return (has, isProtective);
    }

    /// <summary>UEFI specification, 5.3.</summary>
    private static void CheckGpt(ImageBytes bytes, int sector, Refusal refuse)
    {
        Span<byte> raw = stackalloc byte[sector];
        refuse.Demand(bytes.TryRead(sector, raw), "its GPT is cut off; it is truncated");
        var size = Word(raw, 12);
        refuse.Demand(Word(raw, 8) == 0x0001_0000 && size is >= 92 && size <= sector, $"its GPT is of version 0x{Word(raw, 8):x} and has a header of {size} bytes");
        var sum = Word(raw, 16);
        raw[16..20].Clear();
        refuse.Demand(Crc.Crc32(raw[..(int)size]) == sum, "its GPT's checksum is wrong");

        var (first, last) = (Long(raw, 40), Long(raw, 48));
        refuse.Demand(Long(raw, 24) == 1 && first <= last, $"its GPT lies in sector {Long(raw, 24)} and uses sectors {first} to {last}");
        refuse.Demand(!bytes.Whole || last < (ulong)(bytes.Length / sector),
            $"its GPT's last usable sector is {last}, but the disk ends after {bytes.Length / sector} sectors; it is truncated");
        CheckEntries(bytes, raw, sector, refuse);
    }

    private static void CheckEntries(ImageBytes bytes, ReadOnlySpan<byte> header, int sector, Refusal refuse)
    {
        var (at, count, size) = (Long(header, 72), Word(header, 80), Word(header, 84));
        refuse.Demand(size is >= 128 and <= 4096 && uint.IsPow2(size) && count is > 0 and <= MaxGptEntries / 128 && count * size <= MaxGptEntries,
            $"its GPT has {count} entries of {size} bytes");
        var raw = new byte[count * size];
        refuse.Demand(at >= 2 && at <= (ulong)(long.MaxValue / sector), $"its GPT's entries are in sector {at}");
        if (!bytes.TryRead((long)at * sector, raw))
        {
            refuse.Demand(!bytes.Whole, "its GPT's entries are cut off; it is truncated");
            return;
        }
        refuse.Demand(Crc.Crc32(raw) == Word(header, 88), "the checksum of its GPT's entries is wrong");
        for (var i = 0; i < raw.Length; i += (int)size)
        {
            var entry = raw.AsSpan(i, (int)size);
            var (first, last) = (Long(entry, 32), Long(entry, 40));
            refuse.Demand(!entry[..16].ContainsAnyExcept((byte)0) || first <= last && first >= Long(header, 40) && last <= Long(header, 48),
                $"partition {i / (int)size + 1} of its GPT has sectors {first} to {last}, outside of the usable ones");
        }
    }

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32LittleEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64LittleEndian(raw[at..]);
}
