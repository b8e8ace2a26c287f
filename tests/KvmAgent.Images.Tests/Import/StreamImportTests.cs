using System.Formats.Tar;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>Images in compression and archives, packed by the programs that people pack with.</summary>
public sealed class StreamImportTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw((5 << 20) + 512);

    public StreamImportTests() => _disk.AsSpan(1 << 20, 2 << 20).Clear();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("zstd")]
    [InlineData("zstd", "--long=27")]
    [InlineData("xz", "-9e")]
    [InlineData("xz", "--block-size=1MiB")]
    public async Task A_packed_raw_disk_is_unpacked_straight_into_the_target(string program, params string[] options)
    {
        var done = await ImportAsync(await PackAsync(_scratch.File("disk.raw", _disk), [program, .. options]));

        (await File.ReadAllBytesAsync(Target)).ShouldBe(_disk);
        done.Layers.ShouldBe([program]);
        (done.Size, done.Scratch).ShouldBe((_disk.Length, 0));
        _scratch.Names.ShouldBe(["disk.img"]);
    }

    [Fact]
    public async Task Two_archives_one_after_the_other_are_one()
    {
        var first = await PackAsync(_scratch.File("a", _disk[..(1 << 20)]), ["gzip"]);
        var second = await PackAsync(_scratch.File("b", _disk[(1 << 20)..]), ["gzip"]);
        await ImportAsync(_scratch.File("both", [.. await File.ReadAllBytesAsync(first), .. await File.ReadAllBytesAsync(second)]));

        (await File.ReadAllBytesAsync(Target)).ShouldBe(_disk);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("zstd")]
    public async Task A_disk_in_a_tar_in_compression_is_found(string program)
    {
        var tar = await TarAsync(("some/where/disk.raw", _disk));

        (await ImportAsync(await PackAsync(tar, [program]))).Layers.ShouldBe([program, "tar"]);

        (await File.ReadAllBytesAsync(Target)).ShouldBe(_disk);
    }

    [Fact]
    public async Task A_packed_qcow2_is_spooled_and_that_is_said()
    {
        var qcow2 = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", _scratch.File("disk.raw", _disk), qcow2);

        var done = await ImportAsync(await PackAsync(qcow2, ["xz"]));

        (await File.ReadAllBytesAsync(Target)).ShouldBe(_disk);
        done.Scratch.ShouldBe(new FileInfo(qcow2).Length);
        done.Image.Format.ShouldBe(ImageFormat.Qcow2);
        _scratch.Names.ShouldBe(["disk.img"]);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("zstd")]
    public async Task What_is_cut_short_or_bent_is_refused_and_leaves_nothing(string program)
    {
        var packed = await File.ReadAllBytesAsync(await PackAsync(_scratch.File("disk.raw", _disk), [program]));
        var bent = (byte[])packed.Clone();
        bent.AsSpan(packed.Length / 2, 64).Fill(0xa5);
        foreach (var broken in new[] { packed[..(packed.Length / 2)], packed[..^3], bent })
        {
            await ImportAsync(_scratch.File("broken", broken)).ShouldFailAsync(ImageFailure.Refused);
            _scratch.Names.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task A_bomb_stops_at_the_size_that_is_wanted()
    {
        var zeroes = Path.Combine(_scratch.Root, "zeroes");
        await File.WriteAllBytesAsync(zeroes, Samples.Raw(4096));
        using (var file = new FileStream(zeroes, FileMode.Open))
            file.SetLength(1L << 30);

        await ImportAsync(await PackAsync(zeroes, ["zstd"]), size: 64 << 20).ShouldFailAsync(ImageFailure.NoSpace, "unpacks to more than the 67108864 bytes");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_tar_with_more_than_one_file_or_with_links_is_refused()
    {
        await ImportAsync(await TarAsync(("disk.raw", _disk), ("other", [1]))).ShouldFailAsync(ImageFailure.Refused, "more than one file ('other')");

        var tar = Path.Combine(_scratch.Root, "link.tar");
        await using (var writer = new TarWriter(File.Create(tar)))
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.SymbolicLink, "disk.img") { LinkName = "/etc/shadow" });
        await ImportAsync(tar).ShouldFailAsync(ImageFailure.Refused, "a symbolic link");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Wrapped_too_often_is_refused()
    {
        var path = _scratch.File("disk.raw", _disk);
        for (var i = 0; i < 5; i++)
            path = await PackAsync(path, ["gzip"]);

        await ImportAsync(path).ShouldFailAsync(ImageFailure.Refused, "wrapped more than 4 times");
    }

    private Task<DiskImported> ImportAsync(string source, long? size = null) =>
        DiskImport.RunAsync(new DiskImportRequest { Source = source, Target = Target, Size = size }, null, CancellationToken.None);

    /// <summary>By standard output, so that no name says what it is.</summary>
    private async Task<string> PackAsync(string path, string[] command)
    {
        var packed = Path.Combine(_scratch.Root, Guid.NewGuid().ToString("n"));
        await Programs.RunAsync("sh", "-c", $"{string.Join(' ', command)} -c <{path} >{packed}");
        return packed;
    }

    private async Task<string> TarAsync(params (string Name, byte[] Content)[] files)
    {
        var tar = Path.Combine(_scratch.Root, "disk.tar");
        await using var writer = new TarWriter(File.Create(tar));
        foreach (var (name, content) in files)
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        return tar;
    }
}
