using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>VMDK, VDI, VHD and VHDX: from files and servers, packed or not, into files and onto block devices.</summary>
public sealed class ForeignImportTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly Scratch _scratch = new();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("vmdk")]
    [InlineData("stream")]
    [InlineData("vdi")]
    [InlineData("vhd")]
    [InlineData("fixed vhd")]
    [InlineData("vhdx")]
    public async Task A_file_becomes_a_raw_disk_without_scratch(string format)
    {
        var done = await ImportAsync(_scratch.File("image", Sample(format)), size: 8L * MiB);

        done.Image.Format.Name().ShouldBe(format == "stream" ? "vmdk" : format.Split(' ')[^1]);
        done.Scratch.ShouldBe(0);
        Same(8 * MiB);
    }

    [Theory]
    [InlineData("vmdk")]
    [InlineData("vhdx")]
    public async Task One_from_a_server_is_spooled(string format)
    {
        var image = Sample(format);
        await using var server = new FaultServer(heard => Answer.File(heard, image));

        var done = await ImportAsync(server.Url());

        done.Scratch.ShouldBe(image.Length);
        Same(DiskSamples.Size);
    }

    [Theory]
    [InlineData("vdi")]
    [InlineData("fixed vhd")] // begins like a raw disk, and is found out at its end
    public async Task A_packed_one_is_unpacked_on_its_way(string format)
    {
        var image = _scratch.File("image", Sample(format));
        await Programs.RunAsync("gzip", "-f", image);

        var done = await ImportAsync(image + ".gz");

        done.Layers.ShouldBe(["gzip"]);
        Same(DiskSamples.Size);
    }

    [Theory]
    [InlineData("vmdk", false)]
    [InlineData("fixed vhd", true)]
    public async Task A_block_device_has_the_disk_and_behind_it_zeroes(string format, bool packed)
    {
        await using var device = await LoopDevice.CreateAsync(_scratch, 8 * MiB);
        var image = _scratch.File("image", Sample(format));
        if (packed)
            await Programs.RunAsync("gzip", "-f", image);

        await DiskImport.RunAsync(
            new DiskImportRequest { Source = packed ? image + ".gz" : image, Target = device.Path, ScratchDirectory = _scratch.Volume }, null, CancellationToken.None);

        var written = await File.ReadAllBytesAsync(device.Path);
        written.AsSpan(0, DiskSamples.Size).SequenceEqual(Samples.Raw(DiskSamples.Size)).ShouldBeTrue();
        written.AsSpan(DiskSamples.Size).ContainsAnyExcept((byte)0).ShouldBeFalse();
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task One_that_names_another_file_never_reaches_qemu_img()
    {
        const string secret = "the secret beside it";
        var canary = _scratch.File("canary", [.. System.Text.Encoding.ASCII.GetBytes(secret), .. new byte[4096]]);
        var image = _scratch.File("image", System.Text.Encoding.ASCII.GetBytes(
            $"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"{canary}\" 0\n"));

        await ImportAsync(image).ShouldFailAsync(ImageFailure.Refused, "VMDK");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_damaged_one_leaves_nothing()
    {
        // Its grains lie beyond the end: of those the parser sees the first few thousand only, qemu-img all.
        var image = DiskSamples.Make("vmdk", "subformat=streamOptimized");
        image.AsSpan(200_000, 4096).Fill(0xa5);

        await ImportAsync(_scratch.File("image", image)).ShouldFailAsync(ImageFailure.Refused);

        _scratch.Names.ShouldBeEmpty();
    }

    private static byte[] Sample(string format) => format switch
    {
        "vmdk" => DiskSamples.Vmdk,
        "stream" => DiskSamples.Stream,
        "vdi" => DiskSamples.Vdi,
        "vhd" => DiskSamples.Vhd,
        "fixed vhd" => DiskSamples.FixedVhd,
        _ => DiskSamples.Vhdx,
    };

    private Task<DiskImported> ImportAsync(string source, long? size = null) => DiskImport.RunAsync(
        new DiskImportRequest { Source = source, Target = Target, Size = size, Access = Quick.Loopback }, null, TimeProvider.System, Quick.Timings, CancellationToken.None);

    private void Same(long size)
    {
        var written = File.ReadAllBytes(Target);
        written.Length.ShouldBe((int)size);
        written.AsSpan(0, DiskSamples.Size).SequenceEqual(Samples.Raw(DiskSamples.Size)).ShouldBeTrue();
        written.AsSpan(DiskSamples.Size).ContainsAnyExcept((byte)0).ShouldBeFalse();
        _scratch.Names.ShouldBe(["disk.img"]);
    }
}
