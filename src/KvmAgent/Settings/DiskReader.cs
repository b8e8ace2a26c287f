using KvmAgent.Disks;

namespace KvmAgent.Settings;

/// <summary>The root disk's settings and the spec file's list of disks.</summary>
internal static class DiskReader
{
    private const long MiB = 1L << 20;

    private static readonly string[] ExtraKeys =
        ["name", "source", "size", "files", "label", "format", "bus", "cdrom", "serial", "bootOrder", "cache", "io", "readOnly"];

    public static DiskSettings Read(SettingSource source, SettingParser parser, MachineType machine)
    {
        var disk = new DiskSettings(
            source.TryGet(Setting.VmDiskSize, out GivenValue size) ? parser.Size(size, MiB) : null,
            source.TryGet(Setting.VmDiskBus, out GivenValue bus) ? ReadBus(bus, parser, machine) : DiskBus.Virtio,
            source.TryGet(Setting.VmDiskCache, out GivenValue cache) ? ReadCache(cache, parser) : DiskCache.Writeback,
            source.TryGet(Setting.VmDiskIo, out GivenValue io) ? ReadIo(io, parser) : DiskIo.Threads,
            source.TryGet(Setting.VmCdrom, out GivenValue cdrom) ? ReadCdrom(cdrom, parser) : null);
        CheckIo(io, disk.Io, disk.Cache, parser);
        return disk;
    }

    public static IReadOnlyList<ExtraDiskSettings> ReadExtra(SettingSource source, SettingParser parser, DiskSettings root, MachineType machine)
    {
        var disks = new List<ExtraDiskSettings>();
        foreach (var entry in source.Spec.Disks)
        {
            foreach (var key in entry.Values.Keys.Except(ExtraKeys))
            {
                parser.Errors.Add($"{key} of {entry.Origin}: nobody knows this key; a disk has {string.Join(", ", ExtraKeys)}");
            }

            var disk = ReadOne(entry, parser, root, machine);
            if (disks.Any(d => d.Name == disk.Name))
            {
                parser.Errors.Add($"{entry.Origin}: the name {disk.Name} is taken; give each disk a name of its own");
            }

            disks.Add(disk);
        }

        return disks;
    }

    /// <summary>The file name that a URL or a path ends with, as a name on the shared volume.</summary>
    public static string LastSegment(GivenValue source, SettingParser parser, string setting)
    {
        var name = NameIn(source.Text);
        if (name.Length == 0)
        {
            parser.Errors.Add(source.Origin, SettingsSummary.WithoutSecrets(source.Text), "has no file name at its end", $"set {setting} to a name");
            return "image";
        }

        return parser.FileName(new GivenValue(name, $"the last segment of {source.Origin}"), $"set {setting} to a plain name");
    }

    /// <summary>What stands behind the last slash, an escaped one included: a name never leads out of its directory.</summary>
    public static string NameIn(string source)
    {
        var path = Uri.TryCreate(source, UriKind.Absolute, out var url) ? Uri.UnescapeDataString(url.AbsolutePath) : source;
        return path[(path.LastIndexOf('/') + 1)..];
    }

    private static ExtraDiskSettings ReadOne(SpecEntry entry, SettingParser parser, DiskSettings root, MachineType machine)
    {
        var values = entry.Values;
        var name = values.TryGetValue("name", out var n) ? ReadDiskName(n, parser) : "";
        string? source = values.TryGetValue("source", out var s) ? parser.FullPath(s) : null;
        long? size = values.TryGetValue("size", out var z) ? parser.Size(z, MiB) : null;
        var files = ReadFiles(values, parser);
        if (name.Length == 0 || (source is null ? 0 : 1) + (size is null ? 0 : 1) + (files is null ? 0 : 1) != 1)
        {
            parser.Errors.Add(
                $"{entry.Origin}: a disk needs a name, and either a source (a full path) or a size (a blank disk) or files (a directory that becomes a disk)");
        }

        var cache = values.TryGetValue("cache", out var c) ? ReadCache(c, parser) : root.Cache;
        var io = values.TryGetValue("io", out var i) ? ReadIo(i, parser) : root.Io;
        CheckIo(i.Text is null ? c : i, io, cache, parser);
        var cdrom = values.TryGetValue("cdrom", out var cd) && parser.Boolean(cd);
        return new ExtraDiskSettings(
            name,
            source,
            size,
            values.TryGetValue("format", out var format) && parser.Choice(format, ("raw", false), ("qcow2", true)),
            values.TryGetValue("bus", out var bus) ? ReadBus(bus, parser, machine) : root.Bus,
            cdrom,
            values.TryGetValue("serial", out var serial) ? ReadSerial(serial, parser) : null,
            values.TryGetValue("bootOrder", out var order) ? parser.Integer(order, 1, 1000) : null,
            cache,
            io,
            cdrom || files is not null || (values.TryGetValue("readOnly", out var readOnly) && parser.Boolean(readOnly)),
            files);
    }

    private static FilesSettings? ReadFiles(IReadOnlyDictionary<string, GivenValue> values, SettingParser parser)
    {
        var labelled = values.TryGetValue("label", out var label);
        if (!values.TryGetValue("files", out var directory))
        {
            if (labelled)
            {
                parser.Errors.Add(label.Origin, label.Text, "is for a disk made of files, which this is not", "leave it out");
            }

            return null;
        }

        if (labelled && (label.Text.Length > FilesDisk.LongestLabel || label.Text != label.Text.Trim() || !label.Text.All(c => c is >= ' ' and <= '~')))
        {
            parser.Errors.Add(label.Origin, label.Text, "is not a disk's label", $"give at most {FilesDisk.LongestLabel} characters of ASCII, with no blank at an end");
        }

        return new FilesSettings(parser.FullPath(directory), labelled ? label.Text : FilesDisk.DefaultLabel);
    }

    /// <summary>It becomes part of the names of QEMU's nodes, which have 31 characters of a small alphabet: disk-NAME-file.</summary>
    private static string ReadDiskName(GivenValue given, SettingParser parser)
    {
        if (given.Text.Length > 20 || given.Text[0] == '.' || !given.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            parser.Errors.Add(given.Origin, given.Text, "is not a disk's name", "give at most 20 of a-z, A-Z, 0-9, -, _ and ., not beginning with .");
        }

        return given.Text;
    }

    private static string ReadCdrom(GivenValue given, SettingParser parser)
    {
        if (given.Text[0] != '/')
        {
            LastSegment(given, parser, Setting.VmCdrom.Name);
        }

        return parser.Source(given);
    }

    private static DiskBus ReadBus(GivenValue given, SettingParser parser, MachineType machine) => machine == MachineType.Q35
        ? parser.Choice(given, ("virtio", DiskBus.Virtio), ("scsi", DiskBus.Scsi), ("sata", DiskBus.Sata))
        : parser.Choice(given, ("virtio", DiskBus.Virtio), ("scsi", DiskBus.Scsi), ("ide", DiskBus.Ide));

    private static DiskCache ReadCache(GivenValue given, SettingParser parser) => parser.Choice(
        given,
        ("writeback", DiskCache.Writeback),
        ("none", DiskCache.None),
        ("writethrough", DiskCache.Writethrough),
        ("directsync", DiskCache.Directsync),
        ("unsafe", DiskCache.Unsafe));

    private static DiskIo ReadIo(GivenValue given, SettingParser parser) =>
        parser.Choice(given, ("threads", DiskIo.Threads), ("native", DiskIo.Native), ("io_uring", DiskIo.IoUring));

    /// <summary>QEMU's native asynchronous I/O works on O_DIRECT only.</summary>
    private static void CheckIo(GivenValue given, DiskIo io, DiskCache cache, SettingParser parser)
    {
        if (io == DiskIo.Native && cache is not (DiskCache.None or DiskCache.Directsync) && given.Text is not null)
        {
            parser.Errors.Add(given.Origin, given.Text, "native I/O needs an uncached disk", "set the cache to none or directsync");
        }
    }

    private static string ReadSerial(GivenValue given, SettingParser parser)
    {
        // virtio-blk gives the guest 20 bytes.
        if (given.Text.Length > 20 || !given.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            parser.Errors.Add(given.Origin, given.Text, "is not a serial", "give at most 20 of a-z, A-Z, 0-9, -, _ and .");
        }

        return given.Text;
    }
}
