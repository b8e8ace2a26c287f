using System.Numerics;

namespace KvmAgent.Images.Inspect;

/// <summary>The two checksums that disk formats use.</summary>
internal static class Crc
{
    /// <summary>CRC-32 of IEEE 802.3, as in a GPT.</summary>
    public static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xedb8_8320 & (0 - (crc & 1)));
        }
        return ~crc;
    }

    /// <summary>CRC-32C (Castagnoli), as in a VHDX.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
