using KvmAgent.Images.Store;

namespace KvmAgent.Images.Inspect;

/// <summary>What an accepted image is.</summary>
/// <param name="Format">Its format.</param>
/// <param name="VirtualSize">The size of the disk inside, in bytes.</param>
/// <param name="FileSize">The length of the file.</param>
/// <param name="Content">For people: what was recognised, as "GPT partition table".</param>
/// <param name="Qcow2">The header of a qcow2 image.</param>
public sealed record ImageInfo(ImageFormat Format, long VirtualSize, long FileSize, string Content, Qcow2Header? Qcow2)
{
    /// <summary>The unit in which space is given to the disk inside; null where there is none.</summary>
    public int? ClusterSize { get; init; }

    /// <summary>For people: the subformat, and what is not the rule, as "streamOptimized", "dirty", "internal snapshots: 2".</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Of a VHD: whether its size is that of its geometry (see VhdParser).</summary>
    internal bool? SizeIsGeometry { get; init; }
}

/// <summary>
/// Looks at an image before any other program does. Every format we know of, wanted or not, is looked for; exactly
/// one may match. An image that is two things at once (CVE-2026-24708) is refused, for each program that reads it
/// may see another one. The exception are hybrid ISOs, which carry a partition table by design.
/// A fixed VHD is no polyglot: it is a raw disk with a footer behind it, whatever is in the disk.
/// Reads are few, small and inside the file: six for an honest image, eight for any, 256 KiB together, and a qcow2's L1
/// table, at most 32 MiB, in pieces.
/// </summary>
public static class ImageInspector
{
    /// <summary>How much of an image <see cref="InspectBeginning"/> needs to see all signatures at the front (btrfs' is the last).</summary>
    internal const int BeginningSize = 128 * 1024;

    /// <param name="path">The file.</param>
    /// <param name="accepted">Of VMDK, VDI, VHD and VHDX those that are; the others are refused by name. Null for all.</param>
    public static ImageInfo Inspect(string path, IReadOnlyCollection<ImageFormat>? accepted = null)
    {
        try
        {
            // Opening a pipe would wait for ever.
            if (Libc.Stat(path) is { IsRegular: false })
                throw Refuse(path, "is not a regular file", "name the file of an image");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4096);
            return Inspect(stream, path, accepted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.Unavailable, $"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Inspects a stream that can seek; <paramref name="name"/> is what errors call it.</summary>
    public static ImageInfo Inspect(Stream stream, string name, IReadOnlyCollection<ImageFormat>? accepted = null) =>
        Inspect(new ImageBytes(stream, whole: true), name, accepted ?? ImageFormatNames.All)!;

    /// <summary>Refuses early, by its first bytes, what <see cref="Inspect(Stream, string, IReadOnlyCollection{ImageFormat}?)"/> would refuse when all is there.</summary>
    internal static void InspectBeginning(ReadOnlyMemory<byte> beginning, bool whole, string name, IReadOnlyCollection<ImageFormat> accepted)
    {
        using var stream = new MemoryStream(beginning.ToArray(), writable: false);
        Inspect(new ImageBytes(stream, whole), name, accepted);
    }

    /// <summary>
    /// Whether what begins so is a disk as it is (raw, ISO), and can be written as it comes. A fixed VHD begins as one too, and is found
    /// out at its end.
    /// </summary>
    /// <exception cref="ImageException">What is refused by its first bytes.</exception>
    internal static bool StreamsAsDisk(ReadOnlyMemory<byte> beginning, bool whole, string name) =>
        JudgeBeginning(beginning, whole, name) is { Format: ImageFormat.Raw or ImageFormat.Iso };

    /// <summary>What begins so, as far as that shows: of a qcow2 image its disk's size, of a raw one nothing but its kind. Null where the rest has to be here first.</summary>
    /// <exception cref="ImageException">What is refused by its first bytes.</exception>
    internal static ImageInfo? JudgeBeginning(ReadOnlyMemory<byte> beginning, bool whole, string name)
    {
        using var stream = new MemoryStream(beginning.ToArray(), writable: false);
        return Inspect(new ImageBytes(stream, whole), name, ImageFormatNames.All);
    }

    /// <summary>Null where the rest has to be here first.</summary>
    private static ImageInfo? Inspect(ImageBytes bytes, string name, IReadOnlyCollection<ImageFormat> accepted)
    {
        if (bytes.Length == 0)
            throw Refuse(name, "is empty", "check its source");

        var isQcow2 = bytes.Has(0, Qcow2Parser.Magic);
        var isIso = DiskContent.IsIso9660(bytes);
        var table = DiskContent.PartitionTable(bytes);
        var filesystem = DiskContent.Filesystem(bytes);
        var foreign = ForeignFormat.Find(bytes).Distinct().ToList();
        var container = foreign is [{ Format: { } format }] && accepted.Contains(format) ? foreign[0].Format : null;
        var isFixedVhd = container == ImageFormat.Vhd && !bytes.Has(0, VhdParser.Magic);

        List<string> whole = [.. foreign.Select(f => f.Name).Distinct()];
        if (isQcow2)
            whole.Add("a qcow2 image");
        if (isIso)
            whole.Add("an ISO 9660 image");
        if (filesystem is not null && !isFixedVhd)
            whole.Add($"a bare {filesystem}");
        if ((isQcow2 || container is not null && !isFixedVhd) && table is not null)
            whole.Add($"a disk with {table}");
        if (whole.Count > 1)
            throw Refuse(name, $"is several things at once: {string.Join(" and ", whole)}", "no honest image is");
        if (foreign.Count > 0 && container is null)
            throw Refuse(name, $"is {foreign[0].Name}", foreign[0].Remedy);

        switch (container)
        {
            // Their tables are anywhere in the file.
            case not null when !bytes.Whole:
                return null;
            case ImageFormat.Vmdk:
                return VmdkParser.Parse(bytes, name);
            case ImageFormat.Vdi:
                return VdiParser.Parse(bytes, name);
            case ImageFormat.Vhd:
                return VhdParser.Parse(bytes, name);
            case ImageFormat.Vhdx:
                return VhdxParser.Parse(bytes, name);
        }
        if (isQcow2)
        {
            var header = Qcow2Parser.Parse(bytes, name);
            Qcow2Policy.Demand(header, name);
            return new ImageInfo(ImageFormat.Qcow2, header.VirtualSize, bytes.Length, $"qcow2 version {header.Version}", header)
            {
                ClusterSize = header.ClusterSize,
                Features = header.Features,
            };
        }
        if (isIso)
            return new ImageInfo(ImageFormat.Iso, bytes.Length, bytes.Length, table is null ? "ISO 9660" : $"hybrid ISO 9660 with {table}", null);
        // What lies where a table would be may be a filesystem's own.
        if (table is not null && filesystem is null)
            PartitionTables.Demand(bytes, name);
        if ((table ?? filesystem) is { } content)
            return new ImageInfo(ImageFormat.Raw, bytes.Length, bytes.Length, content, null);

        if (ForeignFormat.FindText(bytes) is { } text)
            throw Refuse(name, $"is {text.Name}", text.Remedy);
        throw Refuse(name, $"is nothing we know ({bytes.Length} bytes without header, partition table or filesystem)",
            "qcow2, raw with a partition table or filesystem, and ISO 9660 are accepted");
    }

    private static ImageException Refuse(string name, string what, string remedy) =>
        new(ImageFailure.Refused, $"{name} is refused as a disk image: it {what}; {remedy}");
}
