using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using KvmAgent.Images.Inspect;

namespace KvmAgent.Images.Import;

/// <summary>
/// Where a qcow2 image keeps its disk: L1 and L2 tables as extents, a window of tables at a time, so that the memory needed does not
/// grow with the disk. The header must have been accepted. Layout: docs/interop/qcow2.txt of QEMU.
/// </summary>
internal sealed class Qcow2Map(IImageData data, Qcow2Header header) : IImageMap
{
    private const int WindowBytes = 4 << 20;
    private const int Subclusters = 32;

    private const ulong OffsetBits = 0x00ff_ffff_ffff_fe00;
    private const ulong CompressedBit = 1UL << 62;
    private const ulong ZeroBit = 1;

    // Of a plain entry: all but offset, zero, and the two highest.
    private const ulong ReservedBits = 0x3f00_0000_0000_01fe;

    private readonly int _entrySize = header.HasExtendedL2 ? 16 : 8;

    private long TableReach => (long)header.ClusterSize * (header.ClusterSize / _entrySize);

    public int ClusterSize => header.ClusterSize;

    public long VirtualSize => header.VirtualSize;

    public IClusterUnpacker CreateUnpacker() => header.IsZstd ? new ZstdUnpacker() : new DeflateUnpacker();

    public async IAsyncEnumerable<List<Extent>> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var tables = await ReadL1Async(ct).ConfigureAwait(false);
        var perWindow = Math.Max(1, WindowBytes / header.ClusterSize);
        for (var at = 0; at < tables.Count; at += perWindow)
        {
            var window = tables.GetRange(at, Math.Min(perWindow, tables.Count - at));
            var content = await ReadTablesAsync(window, ct).ConfigureAwait(false);
            var extents = new List<Extent>();
            foreach (var table in window.OrderBy(t => t.Guest))
                Append(table.Guest, content[table.Guest].Span, extents);
            yield return extents;
        }
    }

    /// <summary>The L2 tables that there are: extents of the file that are no data but tables, at the place on the disk that they speak of.</summary>
    private async Task<List<Extent>> ReadL1Async(CancellationToken ct)
    {
        var entries = (int)((header.VirtualSize + TableReach - 1) / TableReach);
        var l1 = new byte[entries * 8];
        await data.ReadAsync(header.L1Offset, l1, ct).ConfigureAwait(false);
        var tables = new List<Extent>();
        for (var i = 0; i < entries; i++)
        {
            var entry = BinaryPrimitives.ReadUInt64BigEndian(l1.AsSpan(i * 8)) & OffsetBits;
            if (entry == 0)
                continue;
            if (entry % (ulong)header.ClusterSize != 0 || (long)entry >= data.Length)
                throw Damaged($"entry {i} of its L1 table points to {entry}, of {data.Length} bytes");
            tables.Add(new Extent(i * TableReach, (long)entry, header.ClusterSize, Compressed: false));
        }
        return tables;
    }

    private async Task<Dictionary<long, ReadOnlyMemory<byte>>> ReadTablesAsync(List<Extent> window, CancellationToken ct)
    {
        var content = new Dictionary<long, ReadOnlyMemory<byte>>();
        foreach (var chunk in Chunk.Group([.. window]))
        {
            var buffer = new byte[chunk.Length];
            // The last table may be cut short by the end of the file: nothing was ever written behind.
            await data.ReadAsync(chunk.Start, buffer.AsMemory(0, (int)Math.Min(chunk.Length, data.Length - chunk.Start)), ct).ConfigureAwait(false);
            foreach (var table in chunk.Extents)
                content[table.Guest] = buffer.AsMemory((int)(table.Host - chunk.Start), header.ClusterSize);
        }
        return content;
    }

    private void Append(long guest, ReadOnlySpan<byte> table, List<Extent> extents)
    {
        for (var i = 0; i < table.Length && guest < header.VirtualSize; i += _entrySize, guest += header.ClusterSize)
        {
            var entry = BinaryPrimitives.ReadUInt64BigEndian(table[i..]);
            var bitmap = header.HasExtendedL2 ? BinaryPrimitives.ReadUInt64BigEndian(table[(i + 8)..]) : uint.MaxValue;
            if (entry == 0 && (!header.HasExtendedL2 || (uint)bitmap == 0))
                continue;
            if ((entry & CompressedBit) != 0)
                extents.Add(Packed(guest, entry));
            else
                AppendPlain(guest, entry, bitmap, extents);
        }
    }

    private Extent Packed(long guest, ulong entry)
    {
        // The bigger the clusters, the more sectors one may take, and the fewer bits are left for where it begins.
        var offsetBits = 62 - ((int)Math.Log2(header.ClusterSize) - 8);
        var host = (long)(entry & ((1UL << offsetBits) - 1));
        var sectors = (long)((entry & (CompressedBit - 1)) >> offsetBits) + 1;
        if (host >= data.Length)
            throw Beyond("a compressed cluster", host);
        return new Extent(guest, host, Math.Min(sectors * 512 - host % 512, data.Length - host), Compressed: true);
    }

    private void AppendPlain(long guest, ulong entry, ulong bitmap, List<Extent> extents)
    {
        var host = (long)(entry & OffsetBits);
        var zero = (entry & ZeroBit) != 0;
        if ((entry & ReservedBits) != 0 || host % header.ClusterSize != 0 || zero && (header.Version < 3 || header.HasExtendedL2))
            throw Damaged($"an entry of an L2 table, for byte {guest} of the disk, is 0x{entry:x16}");
        if (host == 0 || zero)
            return;
        if (host >= data.Length)
            throw Beyond("a cluster", host);

        var step = header.HasExtendedL2 ? header.ClusterSize / Subclusters : header.ClusterSize;
        for (var (at, part) = (0, 0); at < header.ClusterSize && guest + at < header.VirtualSize; at += step, part++)
        {
            var allocated = (bitmap >> part & 1) != 0;
            if (header.HasExtendedL2 && allocated && (bitmap >> (part + Subclusters) & 1) != 0)
                throw Damaged($"a subcluster, for byte {guest + at} of the disk, is both data and zeroes");
            if (allocated)
                Append(guest + at, host + at, step, extents);
        }
    }

    /// <summary>Joined with the one before where both lie side by side on the disk and in the file.</summary>
    private void Append(long guest, long host, long length, List<Extent> extents)
    {
        length = Math.Min(Math.Min(length, header.VirtualSize - guest), data.Length - host);
        if (length <= 0)
            return; // Behind the end of the file: never written, and so zeroes.
        if (extents.Count > 0 && extents[^1] is { Compressed: false } last && last.Guest + last.Length == guest && last.Host + last.Length == host)
            extents[^1] = last with { Length = last.Length + length };
        else
            extents.Add(new Extent(guest, host, length, Compressed: false));
    }

    private ImageException Beyond(string what, long host) =>
        Damaged($"{what} at {host} is beyond the end of the file at {data.Length}; it may be truncated");

    private ImageException Damaged(string what) =>
        new(ImageFailure.Refused, $"{data.Name} is a damaged qcow2 image: {what}; make or fetch it anew");
}
