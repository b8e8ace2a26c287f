using System.Buffers.Binary;
using System.Text;

namespace KvmAgent.Images.Inspect;

/// <summary>Reads and bounds-checks a qcow2 header. The limits are those at which QEMU itself refuses to open an image.</summary>
internal static class Qcow2Parser
{
    private const int HeaderV2 = 72;
    private const int HeaderV3 = 104;
    private const long MaxL1Bytes = 32 << 20;
    private const long MaxRefcountTableBytes = 8 << 20;
    private const int MaxSnapshots = 65536;
    private const int MaxName = 1023;

    // QEMU writes at most five kinds; more than this is no header but a trap for the reader's time.
    private const int MaxExtensions = 64;

    private const uint BackingFormatExtension = 0xe2792aca;
    private const uint DataFileExtension = 0x44415441;

    private const ulong OtherCompression = 1 << 3;
    private const ulong ExtendedL2 = 1 << 4;

    // Bits 9-55 hold the offset, 63 says "refcount is one"; the rest is reserved.
    private const ulong L1Offset = 0x00ff_ffff_ffff_fe00;
    private const ulong L1Reserved = 0x7f00_0000_0000_01ff;

    public static ReadOnlySpan<byte> Magic => [(byte)'Q', (byte)'F', (byte)'I', 0xfb];

    public static Qcow2Header Parse(ImageBytes bytes, string name)
    {
        var damage = new Damage(name);
        Span<byte> raw = stackalloc byte[HeaderV3];
        raw.Clear();
        if (!bytes.Has(0, Magic))
            throw damage.Says("it does not begin with QFI\\xfb");
        if (!bytes.TryRead(0, raw) && !bytes.TryRead(0, raw[..HeaderV2]))
            throw damage.Says($"its header is cut off at {bytes.Length} bytes");

        var version = Word(raw, 4);
        if (version is not (2 or 3))
            throw damage.Says($"its version is {version}, not 2 or 3");
        if (version == 3 && bytes.Length < HeaderV3)
            throw damage.Says($"its header is cut off at {bytes.Length} bytes");
        var clusterBits = Word(raw, 20);
        if (clusterBits is < 9 or > 21)
            throw damage.Says($"its cluster size is 2^{clusterBits}, not 2^9 to 2^21");
        var clusterSize = 1 << (int)clusterBits;
        var size = Long(raw, 24);
        if (size > long.MaxValue)
            throw damage.Says($"its virtual size is {size}");
        var features = version == 3 ? Long(raw, 72) : 0;
        if (version == 3 && Word(raw, 96) > 6)
            throw damage.Says($"its refcount order is {Word(raw, 96)}, over 6");
        var headerLength = version == 3 ? Word(raw, 100) : HeaderV2;
        if (headerLength < (version == 3 ? HeaderV3 : HeaderV2) || headerLength > clusterSize)
            throw damage.Says($"its header length is {headerLength}");
        var snapshots = Word(raw, 60);
        if (snapshots > MaxSnapshots)
            throw damage.Says($"it claims {snapshots} snapshots");

        CheckTables(bytes, raw, clusterSize, size, (features & ExtendedL2) != 0, damage);
        var backing = ReadBackingName(bytes, raw, headerLength, clusterSize, damage);
        var extensionsEnd = backing is null ? clusterSize : (long)Long(raw, 8);
        var (backingFormat, dataFile) = ReadExtensions(bytes, headerLength, extensionsEnd, damage);

        return new Qcow2Header
        {
            Version = (int)version,
            VirtualSize = (long)size,
            ClusterSize = clusterSize,
            BackingFile = backing,
            BackingFormat = backingFormat,
            DataFile = dataFile,
            IncompatibleFeatures = features,
            L1Offset = (long)Long(raw, 40),
            CompatibleFeatures = version == 3 ? Long(raw, 80) : 0,
            CompressionType = ReadCompressionType(bytes, features, headerLength, damage),
            Encryption = Word(raw, 32),
            Snapshots = (int)snapshots,
        };
    }

    private static int ReadCompressionType(ImageBytes bytes, ulong features, uint headerLength, Damage damage)
    {
        Span<byte> type = stackalloc byte[1];
        if ((features & OtherCompression) == 0)
            return 0;
        return headerLength > HeaderV3 && bytes.TryRead(HeaderV3, type)
            ? type[0]
            : throw damage.Says("it has no room for the compression type that it claims");
    }

    private static void CheckTables(ImageBytes bytes, ReadOnlySpan<byte> raw, int clusterSize, ulong size, bool extendedL2, Damage damage)
    {
        long l1Entries = Word(raw, 36);
        var perL2 = (ulong)clusterSize * (ulong)(clusterSize / (extendedL2 ? 16 : 8));
        var needed = size / perL2 + (size % perL2 == 0 ? 0u : 1u);
        if (l1Entries * 8 > MaxL1Bytes || needed > (ulong)l1Entries)
            throw damage.Says($"its L1 table has {l1Entries} entries for a disk of {size} bytes, which needs {needed} (at most {MaxL1Bytes / 8} are allowed)");
        Demand("L1 table", Long(raw, 40), l1Entries * 8);

        var refcountBytes = (long)Word(raw, 56) * clusterSize;
        if (refcountBytes is 0 or > MaxRefcountTableBytes)
            throw damage.Says($"its refcount table has {Word(raw, 56)} clusters");
        Demand("refcount table", Long(raw, 48), refcountBytes);

        if (Word(raw, 60) > 0)
            Demand("snapshot table", Long(raw, 64), 40L * Word(raw, 60));
        if (bytes.Whole)
            CheckL1(bytes, (long)Long(raw, 40), l1Entries, clusterSize, damage);

        void Demand(string table, ulong offset, long length)
        {
            if (length == 0)
                return;
            if (offset == 0 || offset % (ulong)clusterSize != 0)
                throw damage.Says($"its {table} lies at {offset}, not on a cluster boundary");
            if (offset > (ulong)(long.MaxValue - length) || bytes.Whole && (long)offset + length > RoundUp(bytes.Length, clusterSize))
                throw damage.Says($"its {table} of {length} bytes at {offset} is beyond the end of the file at {bytes.Length}; it may be truncated");
        }
    }

    // A file cut short most often loses L2 tables; their offsets all stand in L1.
    private static void CheckL1(ImageBytes bytes, long offset, long entries, int clusterSize, Damage damage)
    {
        Span<byte> piece = stackalloc byte[4096];
        for (var at = 0L; at < entries * 8; at += piece.Length)
        {
            var part = piece[..(int)Math.Min(piece.Length, entries * 8 - at)];
            if (!bytes.TryRead(offset + at, part))
                throw damage.Says($"its L1 table at {offset} is beyond the end of the file at {bytes.Length}; it may be truncated");
            for (var i = 0; i < part.Length; i += 8)
            {
                var entry = Long(part, i);
                var table = (long)(entry & L1Offset);
                if ((entry & L1Reserved) != 0 || table % clusterSize != 0)
                    throw damage.Says($"entry {(at + i) / 8} of its L1 table is 0x{entry:x16}");
                if (table != 0 && table + clusterSize > RoundUp(bytes.Length, clusterSize))
                    throw damage.Says($"an L2 table at {table} is beyond the end of the file at {bytes.Length}; it may be truncated");
            }
        }
    }

    private static string? ReadBackingName(ImageBytes bytes, ReadOnlySpan<byte> raw, uint headerLength, int clusterSize, Damage damage)
    {
        var offset = Long(raw, 8);
        var length = Word(raw, 16);
        if (offset == 0)
            return null;
        if (length > MaxName || offset < headerLength || offset > (ulong)clusterSize - length)
            throw damage.Says($"the name of its backing file, {length} bytes at {offset}, is outside the header");
        Span<byte> text = stackalloc byte[(int)length];
        if (bytes.TryRead((long)offset, text))
            return Encoding.UTF8.GetString(text);
        return bytes.Whole ? throw damage.Says("the name of its backing file is cut off") : "";
    }

    private static (string? BackingFormat, string? DataFile) ReadExtensions(ImageBytes bytes, long offset, long end, Damage damage)
    {
        string? backingFormat = null, dataFile = null;
        Span<byte> head = stackalloc byte[8];
        Span<byte> value = stackalloc byte[MaxName];
        for (var count = 0; offset + 8 <= end && bytes.TryRead(offset, head); count++)
        {
            var (type, length) = (Word(head, 0), Word(head, 4));
            if (type == 0)
                break;
            offset += 8;
            if (count == MaxExtensions || length > end - offset)
                throw damage.Says($"its header extension 0x{type:x8} of {length} bytes is outside the header");
            if (type is BackingFormatExtension or DataFileExtension)
            {
                if (length > MaxName || !bytes.TryRead(offset, value[..(int)length]))
                    throw damage.Says($"its header extension 0x{type:x8} of {length} bytes is too long or cut off");
                var text = Encoding.UTF8.GetString(value[..(int)length]);
                (backingFormat, dataFile) = type == BackingFormatExtension ? (text, dataFile) : (backingFormat, text);
            }
            offset += RoundUp(length, 8);
        }
        return (backingFormat, dataFile);
    }

    private static uint Word(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt32BigEndian(raw[at..]);

    private static ulong Long(ReadOnlySpan<byte> raw, int at) => BinaryPrimitives.ReadUInt64BigEndian(raw[at..]);

    private static long RoundUp(long value, int to) => value > long.MaxValue - to ? long.MaxValue : (value + to - 1) / to * to;

    private readonly record struct Damage(string Name)
    {
        public ImageException Says(string what) =>
            new(ImageFailure.Refused, $"{Name} is a damaged qcow2 image: {what}; make or fetch it anew");
    }
}
