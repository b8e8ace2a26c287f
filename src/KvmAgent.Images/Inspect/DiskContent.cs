using System.Buffers.Binary;

namespace KvmAgent.Images.Inspect;

/// <summary>What makes bytes without a header of their own a disk (partition table, bare filesystem) or a CD (ISO 9660).</summary>
internal static class DiskContent
{
    private const int IsoDescriptor = 32 * 1024;

    /// <summary>The first volume descriptor: a type, "CD001", version 1 (ECMA-119, 8.1).</summary>
    public static bool IsIso9660(ImageBytes bytes)
    {
        Span<byte> descriptor = stackalloc byte[7];
        return bytes.TryRead(IsoDescriptor, descriptor)
            && descriptor[0] is <= 3 or 255 && descriptor[1..6].SequenceEqual("CD001"u8) && descriptor[6] == 1;
    }

    public static string? PartitionTable(ImageBytes bytes)
    {
        if (bytes.Has(512, "EFI PART"u8) || bytes.Has(4096, "EFI PART"u8))
            return "GPT partition table";
        return bytes.Has(510, [0x55, 0xaa]) ? "MBR boot sector" : null;
    }

    public static string? Filesystem(ImageBytes bytes)
    {
        if (bytes.Has(0, "XFSB"u8))
            return "xfs filesystem";
        if (bytes.Has(0x10040, "_BHRfS_M"u8))
            return "btrfs filesystem";
        return IsExt(bytes) ? "ext filesystem" : null;
    }

    // Two bytes of magic are little; the fields beside them must make sense as well.
    private static bool IsExt(ImageBytes bytes)
    {
        Span<byte> super = stackalloc byte[80];
        return bytes.TryRead(1024, super)
            && BinaryPrimitives.ReadUInt16LittleEndian(super[56..]) == 0xef53
            && BinaryPrimitives.ReadUInt32LittleEndian(super) > 0
            && BinaryPrimitives.ReadUInt32LittleEndian(super[4..]) > 0
            && BinaryPrimitives.ReadUInt32LittleEndian(super[24..]) <= 6
            && BinaryPrimitives.ReadUInt32LittleEndian(super[76..]) <= 1;
    }
}
