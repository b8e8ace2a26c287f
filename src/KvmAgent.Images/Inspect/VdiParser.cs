using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>
/// Reads and bounds-checks a VirtualBox image: a header of 512 bytes, a map with a number for each block, the blocks.
/// What QEMU's driver does not open (other versions, block sizes than 1 MiB, sectors than 512 bytes) is refused here.
/// </summary>
internal static class VdiParser
{
    private const int HeaderEnd = 512;
    private const uint BlockSize = 1 << 20;
    private const uint MaxBlocks = 0x1fff_ffff;
    private const int MostMapRead = 64 * 1024;

    // The two highest numbers say "never written" and "zeroes".
    private const uint FirstSpecial = 0xffff_fffe;

    public static ImageInfo Parse(ImageBytes bytes, string name)
    {
        var refuse = new Refusal(name, "VDI");
        Span<byte> raw = stackalloc byte[HeaderEnd];
        if (!bytes.TryRead(0, raw))
            throw refuse.Damaged($"its header is cut off at {bytes.Length} bytes");
        if (Word(raw, 0x44) != 0x0001_0001)
            throw refuse.Because($"it is a VDI of version {Word(raw, 0x44) >> 16}.{Word(raw, 0x44) & 0xffff}, and only 1.1 is known; convert it with VirtualBox");
        // 0x180 without, 0x190 with the guest's geometry; more has no room before the map.
        refuse.Demand(Word(raw, 0x48) is >= 0x180 and <= HeaderEnd - 0x48, $"its header's size is {Word(raw, 0x48)}");

        // A differencing image shows what another file holds: all that is not in it comes from its parent.
        var type = Word(raw, 0x4c);
        if (type is 3 or 4 || raw[0x1a8..0x1c8].ContainsAnyExcept((byte)0))
            throw refuse.Because("it is a VDI that holds only the changes to a parent image; merge it with its parent: VBoxManage clonemedium");
        refuse.Demand(type is 1 or 2, $"its type is {type}");

        refuse.Demand(Word(raw, 0x168) == 512, $"its sectors have {Word(raw, 0x168)} bytes, not 512");
        refuse.Demand(Word(raw, 0x178) == BlockSize && Word(raw, 0x17c) == 0, $"its blocks have {Word(raw, 0x178)} and {Word(raw, 0x17c)} bytes, not {BlockSize} and 0");
        var (blocks, allocated) = (Word(raw, 0x180), Word(raw, 0x184));
        refuse.Demand(blocks is > 0 and <= MaxBlocks && allocated <= blocks, $"it claims {allocated} of {blocks} blocks");
        var size = Long(raw, 0x170);
        refuse.Demand(size > 0 && size <= (ulong)blocks * BlockSize, $"its virtual size is {size}, with {blocks} blocks");

        long map = Word(raw, 0x154), data = Word(raw, 0x158);
        refuse.Demand(map >= HeaderEnd && map % 512 == 0 && data % 512 == 0 && data >= map + 4L * blocks,
            $"its map of {blocks} blocks at {map} does not fit before its data at {data}");
        refuse.Demand(data <= bytes.Length && (long)allocated * BlockSize <= bytes.Length - data,
            $"{allocated} blocks at {data} are beyond the end of the file at {bytes.Length}; it may be truncated");
        CheckMap(bytes, map, blocks, allocated, refuse);

        return new ImageInfo(ImageFormat.Vdi, ((long)size + 511) / 512 * 512, bytes.Length, "a VDI image", null)
        {
            ClusterSize = (int)BlockSize,
            Features = [type == 1 ? "dynamic" : "fixed"],
        };
    }

    // The first 16 GiB of the disk are enough to find nonsense; whoever copies the blocks checks each entry anyway.
    private static void CheckMap(ImageBytes bytes, long offset, uint blocks, uint allocated, Refusal refuse)
    {
        var map = new byte[(int)Math.Min(4L * blocks, MostMapRead)];
        refuse.Demand(bytes.TryRead(offset, map), $"its map at {offset} is beyond the end of the file at {bytes.Length}");
        for (var i = 0; i < map.Length; i += 4)
            if (Word(map, i) is < FirstSpecial and var block && block >= allocated)
                throw refuse.Damaged($"entry {i / 4} of its map is block {block} of {allocated}");
    }

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32LittleEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64LittleEndian(raw[at..]);
}
