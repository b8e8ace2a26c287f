namespace KvmAgent.ConfigDrive.Iso;

/// <summary>
/// Writes a small ISO 9660 image with Rock Ridge and Joliet: 16 empty sectors, the volume descriptors, each hierarchy's path tables
/// and directories, then the files. It exists because the programs that could do it are slower than all the rest of a start
/// (xorriso takes 105 ms; this takes one) and want the secrets on a disk first. The same files give the same bytes: dates are fixed.
/// References: ECMA-119 (ISO 9660), the Joliet specification, IEEE P1281 and P1282.
/// </summary>
internal static class IsoImage
{
    public const int SectorSize = 2048;

    /// <summary>
    /// What mkisofs adds at the end, as drives read ahead. Here it is for programs that look for a label: busybox's reads the first
    /// 64 KiB of whatever it is shown, and passes over a drive that has less.
    /// </summary>
    private const uint PaddingSectors = 150;

    private const uint PrimaryDescriptor = 16, JolietDescriptor = 17, Terminator = 18, FirstFree = 19;

    /// <summary>2000-01-01 00:00 UTC, in a directory record (ECMA-119, 9.1.5) and in a volume descriptor (8.4.26.1).</summary>
    public static ReadOnlySpan<byte> RecordDate => [100, 1, 1, 0, 0, 0, 0];

    public static ReadOnlySpan<byte> VolumeDate => "2000010100000000\0"u8;

    public static ReadOnlySpan<byte> NoDate => "0000000000000000\0"u8;

    public static void Write(Stream target, string label, IEnumerable<ConfigDriveFile> files)
    {
        var root = IsoNode.Root(files);
        var primary = new IsoHierarchy(root, joliet: false);
        var joliet = new IsoHierarchy(root, joliet: true);
        var next = FirstFree;
        primary.Place(ref next);
        joliet.Place(ref next);
        var head = new byte[Offset(next)];
        var contents = new List<IsoNode>();
        AddFiles(root, contents);
        foreach (var file in contents)
        {
            file.Extent = new Extent(next, (uint)file.Content.Length);
            next += file.Extent.Sectors;
        }

        next += PaddingSectors;
        primary.Write(head, PrimaryDescriptor, label, next);
        joliet.Write(head, JolietDescriptor, label, next);
        ((ReadOnlySpan<byte>)[255, .. "CD001\u0001"u8]).CopyTo(head.AsSpan(Offset(Terminator)));
        target.Write(head);
        foreach (var file in contents)
        {
            target.Write(file.Content.Span);
            target.Write(new byte[Padding(file.Content.Length)]);
        }

        target.SetLength(Offset(next));
    }

    public static int Offset(uint sector) => checked((int)sector * SectorSize);

    public static uint SectorsFor(long length) => (uint)((length + SectorSize - 1) / SectorSize);

    /// <summary>What is missing to whole sectors.</summary>
    public static int Padding(long length) => (int)(-length & (SectorSize - 1));

    private static void AddFiles(IsoNode node, List<IsoNode> files)
    {
        if (!node.IsDirectory)
        {
            files.Add(node);
        }

        foreach (var child in node.Children)
        {
            AddFiles(child, files);
        }
    }
}
