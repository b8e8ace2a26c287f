using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

public sealed class ArchiveImportTests : IDisposable
{
    private static readonly DateTimeOffset Time = new(2020, 2, 3, 4, 5, 6, TimeSpan.Zero);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.Ustar)]
    public async Task A_tree_gets_into_the_directory(TarEntryFormat format)
    {
        var name = format is TarEntryFormat.Pax or TarEntryFormat.Gnu ? string.Join('/', Enumerable.Repeat(new string('ü', 60), 4)) + "/x" : "a/b/x";
        var archive = Archive(format, writer =>
        {
            Add(writer, format, TarEntryType.Directory, "./d/");
            Add(writer, format, TarEntryType.RegularFile, "d/tool", new byte[100_000], UnixFileMode.SetUser | UnixFileMode.OtherWrite | UnixFileMode.GroupExecute);
            Add(writer, format, TarEntryType.RegularFile, name, [1, 2, 3]);
            Add(writer, format, TarEntryType.RegularFile, "./d/empty");
        });

        var done = await ImportAsync(archive);

        (done.Files, done.Directories, done.Bytes).ShouldBe((3, 1, 100_003));
        var tool = new FileInfo(Path.Combine(_scratch.Volume, "d/tool"));
        (tool.Length, tool.UnixFileMode, tool.LastWriteTimeUtc).ShouldBe((100_000L, Mode(0b111_101_101), Time.UtcDateTime));
        File.GetUnixFileMode(Path.Combine(_scratch.Volume, "d/empty")).ShouldBe(Mode(0b110_100_100));
        File.GetUnixFileMode(Path.Combine(_scratch.Volume, "d")).ShouldBe(Mode(0b111_101_101));
        Directory.GetLastWriteTimeUtc(Path.Combine(_scratch.Volume, "d")).ShouldBe(Time.UtcDateTime);
        (await File.ReadAllBytesAsync(Path.Combine(_scratch.Volume, name))).ShouldBe([1, 2, 3]);
        _scratch.Names.Length.ShouldBe(2);
    }

    [Fact]
    public async Task Compression_comes_off_and_the_checksum_is_of_the_source()
    {
        var packed = Path.Combine(_scratch.Root, "a.tar.gz");
        await using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Fastest))
            await gzip.WriteAsync(await File.ReadAllBytesAsync(Archive(TarEntryFormat.Pax, writer => Add(writer, "f", [1]))));
        var sum = Checksum.Parse(Samples.Sha256(await File.ReadAllBytesAsync(packed)));

        (await ImportAsync(packed, r => r with { Checksum = sum })).Layers.ShouldBe(["gzip", "tar"]);

        _scratch.Names.ShouldBe(["f"]);
        File.Delete(Path.Combine(_scratch.Volume, "f"));
        await ImportAsync(packed, r => r with { Checksum = Checksum.Parse("md5:" + new string('0', 32)) }).ShouldFailAsync(ImageFailure.Refused, "digest");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Of_a_name_that_comes_twice_the_last_remains_and_directories_are_merged_with_those_that_are_there()
    {
        Directory.CreateDirectory(Path.Combine(_scratch.Volume, "d"));
        await File.WriteAllTextAsync(Path.Combine(_scratch.Volume, "d/mine"), "m");
        await File.WriteAllTextAsync(Path.Combine(_scratch.Volume, "d/f"), "old");
        var archive = Archive(TarEntryFormat.Pax, writer =>
        {
            Add(writer, "d/f", [1]);
            Add(writer, "e", [9]);
            Add(writer, "d/f", [2, 2]);
        });

        for (var time = 0; time < 2; time++)
            (await ImportAsync(archive)).Files.ShouldBe(2);

        _scratch.Names.ShouldBe(["d", "e"]);
        (await File.ReadAllBytesAsync(Path.Combine(_scratch.Volume, "d/f"))).ShouldBe([2, 2]);
        (await File.ReadAllTextAsync(Path.Combine(_scratch.Volume, "d/mine"))).ShouldBe("m");
    }

    [Theory]
    [InlineData("/etc/x", "is absolute")]
    [InlineData("../canary", "leads upwards")]
    [InlineData("a/../../canary", "leads upwards")]
    [InlineData("a/..", "leads upwards")]
    [InlineData(".", "without a name")]
    [InlineData("file/", "without a name")]
    [InlineData(".kvm-agent-import/x", "our own")]
    public Task Names_that_lead_elsewhere_are_refused(string name, string why) => RefusedAsync(Raw(name, '0'), why);

    [Theory]
    [InlineData('1', "a hard link")]
    [InlineData('2', "a symbolic link")]
    [InlineData('3', "a character device")]
    [InlineData('4', "a block device")]
    [InlineData('6', "a FIFO")]
    [InlineData('S', "a sparse file")]
    [InlineData('V', "an entry of unknown type")]
    public Task What_is_no_file_and_no_directory_is_refused(char type, string what) => RefusedAsync(Raw("x", type), what);

    [Fact]
    public async Task Bent_archives_are_refused()
    {
        var good = Raw("x", '0', [1, 2, 3]);
        await RefusedAsync(Raw("x", (char)76, [97]), "cut short");
        await RefusedAsync([.. Raw(new string('b', 90), '0')[..512], .. new byte[100]], "cut short");
        await RefusedAsync(good[..1024], "cut short");
        await RefusedAsync(good[..700], "cut short");
        await RefusedAsync([.. good, .. new byte[512], .. good], "behind its end");
        await RefusedAsync([.. good[..10], 7, .. good[11..]], "damaged header");
        await RefusedAsync([.. Pax("path", "../canary"), .. good], "leads upwards");
        await RefusedAsync([.. Pax("path", "a\0b"), .. good], "NUL");
        await RefusedAsync([.. Pax("path", ""), .. good], "is empty");
        await RefusedAsync([.. Pax("path", new string('a', 256)), .. good], "more than 255");
        await RefusedAsync([.. Pax("path", string.Join('/', Enumerable.Repeat(new string('a', 200), 21))), .. good], "longer than 4096");
        await RefusedAsync([.. Pax("path", string.Join('/', Enumerable.Repeat("a", 200))), .. good], "directories deep");
        await RefusedAsync([.. Pax("size", "-1"), .. good], "size");
        await RefusedAsync([.. Pax("GNU.sparse.major", "1"), .. good], "sparse");
        await RefusedAsync([.. Pax("path", "all", 'g'), .. good], "gives all entries");
        await RefusedAsync([.. Raw("x", 'x', "garbage"u8.ToArray(), end: false), .. good], "damaged attributes");
        await RefusedAsync([.. Enumerable.Repeat(Pax("comment", "x"), 20).SelectMany(x => x), .. good], "too many headers");
        await RefusedAsync([.. Raw("x", '0', [1], end: false), .. Raw("x/y", '0', [1])], "was a file before");
        await RefusedAsync([.. Raw("x/y", '0', [1], end: false), .. Raw("x", '0', [1])], "was a directory before");
        await RefusedAsync(Raw("x", 'x', size: 1L << 31), "attributes of");
        await RefusedAsync("just text"u8.ToArray(), "no tar archive");
    }

    [Fact]
    public async Task Bytes_and_entries_are_limited()
    {
        var archive = Archive(TarEntryFormat.Pax, writer =>
        {
            Add(writer, "a", new byte[600]);
            Add(writer, "b", new byte[600]);
        });

        await ImportAsync(archive, r => r with { Size = 1000 }).ShouldFailAsync(ImageFailure.NoSpace, "more than the 1000 bytes");
        await ArchiveImport.RunAsync(Request(archive), null, 1, CancellationToken.None).ShouldFailAsync(ImageFailure.Refused, "more than 1 entries");
        await ImportAsync(_scratch.File("huge", Raw("x", '0', size: 1L << 50))).ShouldFailAsync(ImageFailure.NoSpace, "larger volume");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Links_that_were_there_before_are_not_followed()
    {
        var outside = Directory.CreateDirectory(Path.Combine(_scratch.Root, "outside")).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "canary"), "alive");
        File.CreateSymbolicLink(Path.Combine(_scratch.Volume, "link"), outside);
        File.CreateSymbolicLink(Path.Combine(_scratch.Volume, ".kvm-agent-import"), outside);

        await ImportAsync(_scratch.File("a.tar", Raw("link/canary", '0', [1]))).ShouldFailAsync(ImageFailure.Unwritable, "has a link or device 'link'");

        _scratch.Names.ShouldBe(["link"]);
        File.CreateSymbolicLink(Path.Combine(_scratch.Volume, "f"), Path.Combine(outside, "canary"));
        await ImportAsync(_scratch.File("b.tar", Raw("f", '0', [1])));
        File.ResolveLinkTarget(Path.Combine(_scratch.Volume, "f"), false).ShouldBeNull();
        Directory.GetFileSystemEntries(outside).ShouldBe([Path.Combine(outside, "canary")]);
        (await File.ReadAllTextAsync(Path.Combine(outside, "canary"))).ShouldBe("alive");
    }

    [Fact]
    public async Task What_a_killed_import_left_is_removed()
    {
        Directory.CreateDirectory(Path.Combine(_scratch.Volume, ".kvm-agent-import/a/b"));
        await File.WriteAllTextAsync(Path.Combine(_scratch.Volume, ".kvm-agent-import/a/b/half"), "h");

        await ImportAsync(_scratch.File("a.tar", Raw("f", '0', [1])));

        _scratch.Names.ShouldBe(["f"]);
    }

    private async Task RefusedAsync(byte[] archive, string why)
    {
        var canary = _scratch.File("canary", [42]);
        await ImportAsync(_scratch.File("bad.tar", archive)).ShouldFailAsync(ImageFailure.Refused, why);
        _scratch.Names.ShouldBeEmpty();
        (await File.ReadAllBytesAsync(canary)).ShouldBe([42]);
    }

    private ArchiveImportRequest Request(string archive) => new() { Source = archive, Target = _scratch.Volume };

    private Task<ArchiveImported> ImportAsync(string archive, Func<ArchiveImportRequest, ArchiveImportRequest>? also = null) =>
        ArchiveImport.RunAsync(also is null ? Request(archive) : also(Request(archive)), null, CancellationToken.None);

    private string Archive(TarEntryFormat format, Action<TarWriter> fill)
    {
        var path = Path.Combine(_scratch.Root, $"{format}.tar");
        using var writer = new TarWriter(File.Create(path), format);
        fill(writer);
        return path;
    }

    private static void Add(TarWriter writer, string name, byte[] content) => Add(writer, TarEntryFormat.Pax, TarEntryType.RegularFile, name, content);

    private static void Add(TarWriter writer, TarEntryFormat format, TarEntryType type, string name, byte[]? content = null, UnixFileMode also = 0)
    {
        TarEntry entry = format switch
        {
            TarEntryFormat.Pax => new PaxTarEntry(type, name),
            TarEntryFormat.Gnu => new GnuTarEntry(type, name),
            _ => new UstarTarEntry(type, name),
        };
        (entry.Mode, entry.ModificationTime) = (UnixFileMode.UserRead | also, Time);
        if (content is not null)
            entry.DataStream = new MemoryStream(content);
        writer.WriteEntry(entry);
    }

    private static UnixFileMode Mode(int bits) => (UnixFileMode)bits;

    private static byte[] Pax(string key, string value, char type = 'x')
    {
        var record = $" {key}={value}\n";
        var length = Encoding.UTF8.GetByteCount(record);
        var all = length + $"{length}".Length;
        all = length + $"{all}".Length;
        return Raw("PaxHeader", type, Encoding.UTF8.GetBytes($"{all}{record}"), end: false);
    }

    private static byte[] Raw(string name, char type, byte[]? content = null, bool end = true, long? size = null)
    {
        var header = new byte[512];
        Encoding.UTF8.GetBytes(name.Length > 100 ? name[..100] : name).CopyTo(header, 0);
        Put(100, "0000644\0");
        Put(124, $"{Convert.ToString(size ?? content?.Length ?? 0, 8).PadLeft(11, '0')} ");
        if (size >= 1L << 33)
        {
            header.AsSpan(124, 12).Clear();
            header[124] = 0x80;
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(128), size.Value);
        }
        Put(136, "00000000001\0");
        Put(148, "        ");
        header[156] = (byte)type;
        Put(257, "ustar\0" + "00");
        Put(148, $"{Convert.ToString(header.Sum(b => b), 8).PadLeft(6, '0')}\0 ");
        var body = content ?? [];
        return [.. header, .. body, .. new byte[-body.Length & 511], .. new byte[end ? 1024 : 0]];

        void Put(int at, string text) => Encoding.ASCII.GetBytes(text).CopyTo(header, at);
    }
}
