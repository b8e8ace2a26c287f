using System.Buffers.Binary;
using System.Text;

namespace KvmAgent.ConfigDrive.Iso;

/// <summary>
/// A directory record (ECMA-119, 9.1) and the Rock Ridge entries behind it (IEEE P1281 and P1282), which give the primary
/// hierarchy its true names and POSIX modes.
/// </summary>
internal static class IsoRecord
{
    private const int FixedLength = 33;
    private const byte DirectoryFlag = 2;

    // Only root may read a config drive once it is mounted in the guest: user data often holds passwords and tokens.
    private const uint FileMode = 0x8000 | 0b100_000_000, FileModeForAll = 0x8000 | 0b100_100_100;
    private const uint DirectoryMode = 0x4000 | 0b101_000_000, DirectoryModeForAll = 0x4000 | 0b101_101_101;

    /// <summary>Identifiers of a directory's first two records, itself and its parent.</summary>
    public static readonly byte[] Self = [0], Above = [1];

    public static byte[] Of(byte[] identifier, Extent extent, bool isDirectory, byte[] rockRidge)
    {
        // Both the name and the record as a whole are padded to an even length.
        var named = (FixedLength + identifier.Length + 1) & ~1;
        var record = new byte[(named + rockRidge.Length + 1) & ~1];
        record[0] = checked((byte)record.Length);
        Both32(record.AsSpan(2), extent.Sector);
        Both32(record.AsSpan(10), extent.Length);
        IsoImage.RecordDate.CopyTo(record.AsSpan(18));
        record[25] = isDirectory ? DirectoryFlag : (byte)0;
        Both16(record.AsSpan(28), 1);
        record[32] = checked((byte)identifier.Length);
        identifier.CopyTo(record, FixedLength);
        rockRidge.CopyTo(record, named);
        return record;
    }

    /// <summary>SP and ER say that Rock Ridge is in use; only in the root's record of itself.</summary>
    public static byte[] RockRidgeMark => [.. "SP"u8, 7, 1, 0xBE, 0xEF, 0, .. "ER"u8, 18, 1, 10, 0, 0, 1, .. "RRIP_1991A"u8];

    /// <summary>PX: mode and number of links; the owner is root.</summary>
    public static byte[] Mode(IsoNode node)
    {
        byte[] entry = [.. "PX"u8, 36, 1, .. new byte[32]];
        Both32(entry.AsSpan(4), (node.IsDirectory, node.IsForAll) switch
        {
            (true, true) => DirectoryModeForAll,
            (true, false) => DirectoryMode,
            (false, true) => FileModeForAll,
            (false, false) => FileMode,
        });
        Both32(entry.AsSpan(12), node.IsDirectory ? 2 + (uint)node.Children.Count(child => child.IsDirectory) : 1);
        return entry;
    }

    /// <summary>NM: the true name.</summary>
    public static byte[] Name(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        return [.. "NM"u8, checked((byte)(5 + bytes.Length)), 1, 0, .. bytes];
    }

    /// <summary>A number in both byte orders (ECMA-119, 7.2.3).</summary>
    public static void Both16(Span<byte> target, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(target, value);
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], value);
    }

    /// <summary>A number in both byte orders (ECMA-119, 7.3.3).</summary>
    public static void Both32(Span<byte> target, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, value);
        BinaryPrimitives.WriteUInt32BigEndian(target[4..], value);
    }
}
