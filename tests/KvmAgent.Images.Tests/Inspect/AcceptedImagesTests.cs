using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

public sealed class AcceptedImagesTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("compat=0.10", 2)]
    [InlineData("compat=1.1", 3)]
    [InlineData("cluster_size=512", 3)]
    [InlineData("cluster_size=2M", 3)]
    [InlineData("compat=0.10,cluster_size=512", 2)]
    [InlineData("lazy_refcounts=on", 3)]
    [InlineData("extended_l2=on", 3)]
    [InlineData("compression_type=zstd", 3)]
    [InlineData("preallocation=metadata", 3)]
    [InlineData("preallocation=full", 3)]
    [InlineData("refcount_bits=1", 3)]
    [InlineData("refcount_bits=64", 3)]
    public async Task What_qemu_img_creates_is_accepted(string options, int version)
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "20M");

        var info = ImageInspector.Inspect(path);

        info.Format.ShouldBe(ImageFormat.Qcow2);
        info.VirtualSize.ShouldBe(20 << 20);
        info.Qcow2!.Version.ShouldBe(version);
        info.Qcow2.BackingFile.ShouldBeNull();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_qemu_img_converts_is_accepted(bool compressed)
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(5 << 20));
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", .. compressed ? ["-c"] : Array.Empty<string>(), raw, path]);

        ImageInspector.Inspect(path).VirtualSize.ShouldBe(5 << 20);
    }

    [Fact]
    public async Task An_image_with_internal_snapshots_and_bitmaps_is_accepted()
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "20M");
        await Programs.RunAsync("qemu-img", "snapshot", "-c", "before", path);
        await Programs.RunAsync("qemu-img", "bitmap", "--add", path, "changes");

        ImageInspector.Inspect(path).Qcow2!.Snapshots.ShouldBe(1);
    }

    [Fact]
    public async Task A_huge_sparse_image_is_accepted_by_its_header_alone()
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", path, "1P");

        ImageInspector.Inspect(path).VirtualSize.ShouldBe(1L << 50);
    }

    [Fact]
    public void A_raw_disk_with_an_mbr_is_accepted()
    {
        var info = Inspect(Samples.Raw(1 << 20));
        (info.Format, info.VirtualSize, info.Content).ShouldBe((ImageFormat.Raw, 1 << 20, "MBR boot sector"));
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_raw_disk_with_a_gpt_is_accepted(int sector) => Inspect(DiskSamples.Gpt(1 << 20, sector)).Content.ShouldBe("GPT partition table");

    [Theory]
    [InlineData(0, "XFSB", "xfs filesystem")]
    [InlineData(0x10040, "_BHRfS_M", "btrfs filesystem")]
    public void A_bare_filesystem_is_accepted(int offset, string magic, string content)
    {
        var disk = new byte[1 << 20];
        System.Text.Encoding.ASCII.GetBytes(magic).CopyTo(disk, offset);
        var info = Inspect(disk);
        (info.Format, info.Content).ShouldBe((ImageFormat.Raw, content));
    }

    [Fact]
    public async Task A_bare_ext4_is_accepted()
    {
        var path = _scratch.File("disk.raw", new byte[4 << 20]);
        await Programs.RunAsync("mkfs.ext4", "-q", path);
        ImageInspector.Inspect(path).Content.ShouldBe("ext filesystem");
    }

    [Theory]
    [InlineData(false, "ISO 9660")]
    [InlineData(true, "hybrid ISO 9660 with MBR boot sector")]
    public async Task An_iso_is_accepted_and_a_hybrid_one_is_an_iso(bool hybrid, string content)
    {
        Directory.CreateDirectory(Path.Combine(_scratch.Root, "tree"));
        _scratch.File("tree/readme.txt", "hello"u8.ToArray());
        var path = Path.Combine(_scratch.Root, "cd.iso");
        await Programs.RunAsync(["xorriso", "-as", "mkisofs", "-quiet", "-o", path, .. hybrid ? ["--protective-msdos-label"] : Array.Empty<string>(), Path.Combine(_scratch.Root, "tree")]);

        var info = ImageInspector.Inspect(path);
        (info.Format, info.Content).ShouldBe((ImageFormat.Iso, content));
        info.VirtualSize.ShouldBe(new FileInfo(path).Length);
    }

    private static ImageInfo Inspect(byte[] content) => ImageInspector.Inspect(new MemoryStream(content), "the image");
}
