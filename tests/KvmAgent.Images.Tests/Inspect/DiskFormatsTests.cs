using System.Text.Json;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

/// <summary>VMDK, VDI, VHD and VHDX as others make them.</summary>
public sealed class DiskFormatsTests : IDisposable
{
    private const long MostBytes = 256 * 1024;
    private const int MostReads = 6;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("vmdk", "", "monolithicSparse", 64 << 10)]
    [InlineData("vmdk", "zeroed_grain=on", "monolithicSparse", 64 << 10)]
    [InlineData("vmdk", "compat6=on,adapter_type=lsilogic", "monolithicSparse", 64 << 10)]
    [InlineData("vmdk", "subformat=streamOptimized", "streamOptimized", 64 << 10)]
    [InlineData("vdi", "", "dynamic", 1 << 20)]
    [InlineData("vdi", "static=on", "fixed", 1 << 20)]
    [InlineData("vpc", "", "dynamic", 2 << 20)]
    [InlineData("vpc", "force_size=on", "dynamic", 2 << 20)]
    [InlineData("vpc", "subformat=fixed", "fixed", null)]
    [InlineData("vpc", "subformat=fixed,force_size=on", "fixed", null)]
    [InlineData("vhdx", "", "dynamic", 8 << 20)]
    [InlineData("vhdx", "block_size=1M", "dynamic", 1 << 20)]
    [InlineData("vhdx", "block_size=256M", "dynamic", 256 << 20)]
    [InlineData("vhdx", "subformat=fixed", "fixed", 8 << 20)]
    [InlineData("vhdx", "log_size=4M,block_state_zero=off", "dynamic", 8 << 20)]
    public async Task What_qemu_img_makes_is_accepted_and_of_the_size_that_it_sees(string format, string options, string feature, int? cluster)
    {
        var raw = _scratch.File("disk.raw", Samples.Raw((5 << 20) + 512));
        var (full, empty) = (Path.Combine(_scratch.Root, "full"), Path.Combine(_scratch.Root, "empty"));
        string[] option = options.Length > 0 ? ["-o", options] : [];
        await Programs.RunAsync(["qemu-img", "convert", "-f", "raw", "-O", format, .. option, raw, full]);
        await Programs.RunAsync(["qemu-img", "create", "-q", "-f", format, .. option, empty, "21M"]);

        foreach (var path in new[] { full, empty })
        {
            using var stream = new WatchedStream(File.OpenRead(path));
            var info = ImageInspector.Inspect(stream, "the image");

            info.Format.Name().ShouldBe(format == "vpc" ? "vhd" : format);
            info.VirtualSize.ShouldBe(await SizeAsync(format, path));
            info.FileSize.ShouldBe(stream.Length);
            info.Features.ShouldBe([feature]);
            info.ClusterSize.ShouldBe(cluster);
            stream.BytesRead.ShouldBeLessThanOrEqualTo(MostBytes);
            stream.Reads.ShouldBeLessThanOrEqualTo(MostReads);
        }
    }

    [Theory]
    [InlineData("vmdk", "200G")]
    [InlineData("vdi", "1T")]
    [InlineData("vpc", "2000G")]
    [InlineData("vhdx", "60T")]
    public async Task A_great_disk_is_accepted_by_little_reading(string format, string size)
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", format, path, size);

        using var stream = new WatchedStream(File.OpenRead(path));
        ImageInspector.Inspect(stream, "the image").VirtualSize.ShouldBe(await SizeAsync(format, path));
        stream.BytesRead.ShouldBeLessThanOrEqualTo(MostBytes);
        stream.Reads.ShouldBeLessThanOrEqualTo(MostReads);
    }

    /// <summary>QEMU writes a new content id without leading zeroes, over a longer one; this is what is left of the text before it.</summary>
    [Fact]
    public void A_vmdk_whose_text_has_become_shorter_is_accepted()
    {
        var image = DiskSamples.Vmdk;
        var text = image.AsSpan(512, image.AsSpan(512).IndexOf((byte)0));
        var id = text.IndexOf("CID="u8) + 4;
        var after = text[(id + text[id..].IndexOf((byte)'\n'))..].ToArray();
        var end = text[^2..].ToArray();
        text[id] = (byte)'7';
        after.CopyTo(text[(id + 1)..]);
        text[id + 1 + after.Length] = 0;

        text.EndsWith(end).ShouldBeTrue();
        ImageInspector.Inspect(_scratch.File("disk.vmdk", image)).VirtualSize.ShouldBe(DiskSamples.Size);
    }

    [Fact]
    public async Task A_stream_that_tells_its_directory_at_the_end_is_accepted()
    {
        var path = _scratch.File("stream.vmdk", DiskSamples.Stream);
        var info = ImageInspector.Inspect(path);
        (info.Format, info.VirtualSize).ShouldBe((ImageFormat.Vmdk, await SizeAsync("vmdk", path)));
    }

    [Theory]
    [InlineData("qemu", true)]
    [InlineData("vpc ", true)]
    [InlineData("qem2", false)]
    [InlineData("win ", false)]
    [InlineData("d2v ", false)]
    [InlineData("tap\0", false)]
    public async Task A_vhds_creator_tells_which_of_its_sizes_counts(string creator, bool geometry)
    {
        // 40 × 4 × 17 sectors in a field that says 3 MiB.
        var image = DiskSamples.Vhd.BendFooter(28, [.. creator.Select(c => (byte)c)]).BendFooter(56, 0, 40, 4, 17);
        var path = _scratch.File("disk.vhd", image);
        ImageInspector.Inspect(path).VirtualSize.ShouldBe(geometry ? 40 * 4 * 17 * 512 : DiskSamples.Size);
        ImageInspector.Inspect(path).VirtualSize.ShouldBe(await SizeAsync("vpc", path));
    }

    [Fact]
    public void A_vhd_of_azure_means_its_field() =>
        Inspect(DiskSamples.Vhd.BendFooter(28, [.. "wa\0\0"u8]).BendFooter(56, 0, 40, 4, 17)).VirtualSize.ShouldBe(DiskSamples.Size);

    [Fact]
    public async Task A_filesystem_in_a_fixed_vhd_is_a_fixed_vhd()
    {
        var raw = _scratch.File("disk.raw", new byte[4 << 20]);
        await Programs.RunAsync("mkfs.ext4", "-q", raw);
        var path = Path.Combine(_scratch.Root, "disk.vhd");
        await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", "subformat=fixed,force_size", raw, path);

        ImageInspector.Inspect(path).Format.ShouldBe(ImageFormat.Vhd);
        Failures.ShouldFail(() => ImageInspector.Inspect(path, ImageFormatNames.ForGuests), ImageFailure.Refused, "several things", "VHD");
    }

    [Theory]
    [InlineData("vmdk", "VMDK")]
    [InlineData("vdi", "VDI")]
    [InlineData("vpc", "VHD")]
    [InlineData("vhdx", "VHDX")]
    public async Task What_is_not_accepted_is_refused_by_name_before_it_is_parsed(string format, string name)
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", format, path, "8M");
        Failures.ShouldFail(() => ImageInspector.Inspect(path, ImageFormatNames.ForGuests), ImageFailure.Refused,
            $"{path} is refused as a disk image: it is a {name} image; convert it first: qemu-img convert -O qcow2");
    }

    [Theory]
    [InlineData("compat=1.1", "")]
    [InlineData("lazy_refcounts=on", "lazy refcounts")]
    [InlineData("extended_l2=on", "extended L2")]
    [InlineData("compression_type=zstd", "zstd")]
    public async Task A_qcow2_tells_its_features(string options, string features)
    {
        var path = Path.Combine(_scratch.Root, "disk");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "8M");
        await Programs.RunAsync("qemu-img", "snapshot", "-c", "one", path);
        await Programs.RunAsync("qemu-img", "snapshot", "-c", "two", path);

        var info = ImageInspector.Inspect(path);
        string.Join(", ", info.Features).ShouldBe($"{features}, internal snapshots: 2".TrimStart(',', ' '));
        info.ClusterSize.ShouldBe(64 << 10);
    }

    [Fact]
    public void A_qcow2_that_was_not_closed_is_dirty() => Inspect(Qcow2Sample.WithFeature(0)).Features.ShouldBe(["dirty"]);

    [Fact]
    public void A_vmdk_that_was_not_closed_is_dirty() => Inspect(DiskSamples.Vmdk.Bend(72, 1)).Features.ShouldBe(["monolithicSparse", "dirty"]);

    private static ImageInfo Inspect(byte[] image) => ImageInspector.Inspect(new WatchedStream(image), "the image");

    private static async Task<long> SizeAsync(string format, string path)
    {
        using var json = JsonDocument.Parse(await Programs.RunAsync("qemu-img", "info", "-f", format, "--output=json", path));
        return json.RootElement.GetProperty("virtual-size").GetInt64();
    }
}
