using System.Buffers.Binary;
using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>A raw disk made of an image, compared with what qemu-img makes of it.</summary>
public sealed class DiskImportTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly Scratch _scratch = new();

    private string Target => Path.Combine(_scratch.Volume, "disk.img");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(false, "compat=0.10")]
    [InlineData(false, "compat=1.1")]
    [InlineData(false, "cluster_size=512")]
    [InlineData(false, "cluster_size=2M")]
    [InlineData(false, "extended_l2=on")]
    [InlineData(false, "extended_l2=on,cluster_size=2M")]
    [InlineData(false, "preallocation=metadata")]
    [InlineData(false, "preallocation=full")]
    [InlineData(false, "lazy_refcounts=on")]
    [InlineData(true, "compat=0.10")]
    [InlineData(true, "compat=1.1")]
    [InlineData(true, "cluster_size=512")]
    [InlineData(true, "cluster_size=4k")]
    [InlineData(true, "cluster_size=2M")]
    [InlineData(true, "compression_type=zstd")]
    [InlineData(true, "compression_type=zstd,cluster_size=2M")]
    [InlineData(true, "extended_l2=on,compression_type=zstd")]
    public async Task A_qcow2_becomes_the_disk_that_qemu_img_makes_of_it(bool compressed, string options)
    {
        var disk = Disk(24 * MiB + 3 * 512);
        var image = await Qcow2Async(disk, options, compressed);
        var theirs = Path.Combine(_scratch.Root, "theirs.raw");
        await Programs.RunAsync("qemu-img", "convert", "-O", "raw", image, theirs);

        var done = await ImportAsync(image);

        Same(Target, disk);
        done.Size.ShouldBe(disk.Length);
        done.Read.ShouldBeLessThan(new FileInfo(image).Length + MiB);
        Allocated(Target).ShouldBeLessThanOrEqualTo((long)(Allocated(theirs) * 1.02));
        _scratch.Names.ShouldBe(["disk.img"]);
    }

    [Fact]
    public async Task Clusters_of_zeroes_and_those_that_were_discarded_are_holes()
    {
        var image = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", image, "16M");
        await Programs.RunAsync("qemu-io", "-c", "write -P 7 0 8M", "-c", "write -z 1M 1M", "-c", "write -zu 3M 1M", "-c", "discard 5M 1M", "-c", "write -P 9 15M 1M", image);
        var theirs = Path.Combine(_scratch.Root, "theirs.raw");
        await Programs.RunAsync("qemu-img", "convert", "-O", "raw", image, theirs);

        await ImportAsync(image);

        Same(Target, await File.ReadAllBytesAsync(theirs));
        Allocated(Target).ShouldBeInRange(6 * MiB, 6 * MiB + (64 << 10));
    }

    [Fact]
    public async Task An_image_whose_clusters_lie_in_any_order_is_put_in_order()
    {
        var image = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", image, "256M");
        var random = new Random(5);
        var writes = Enumerable.Range(0, 300).SelectMany(n => new[] { "-c", $"write -P {n % 255 + 1} {random.Next(65535)}k {random.Next(1, 40)}k" });
        await Programs.RunAsync(["qemu-io", .. writes, image]);
        var theirs = Path.Combine(_scratch.Root, "theirs.raw");
        await Programs.RunAsync("qemu-img", "convert", "-O", "raw", image, theirs);

        await ImportAsync(image);

        Same(Target, await File.ReadAllBytesAsync(theirs));
    }

    [Fact]
    public async Task A_disk_may_be_larger_than_its_image_and_not_smaller()
    {
        var image = await Qcow2Async(Disk(2 * MiB), "compat=1.1", compressed: false);

        (await ImportAsync(image, size: 5 * MiB)).Size.ShouldBe(5 * MiB);
        new FileInfo(Target).Length.ShouldBe(5 * MiB);
        await ImportAsync(image, size: MiB).ShouldFailAsync(ImageFailure.NoSpace, "holds a disk of 2097152 bytes, more than the 1048576");
        new FileInfo(Target).Length.ShouldBe(5 * MiB);
    }

    [Fact]
    public async Task A_raw_image_is_copied_with_its_holes()
    {
        var disk = Disk(9 * MiB + 512);
        var done = await ImportAsync(_scratch.File("disk.raw", disk));

        Same(Target, disk);
        done.Image.Format.ShouldBe(ImageFormat.Raw);
        Allocated(Target).ShouldBeLessThan(8 * MiB);
    }

    [Theory]
    [InlineData(0x1555_5555_5555_5555UL, "0x1555555555555555")]
    [InlineData(1UL << 40, "beyond the end of the file")]
    [InlineData(1UL << 62 | 1UL << 50, "beyond the end of the file")]
    [InlineData(0x8000_0000_0000_1200UL, "0x8000000000001200")]
    [InlineData(1UL << 62 | 7, "cannot be unpacked")]
    public async Task An_image_with_a_broken_table_is_refused_and_leaves_nothing(ulong entry, string why)
    {
        var path = await Qcow2Async(Disk(4 * MiB), "compat=1.1", compressed: false);
        var image = await File.ReadAllBytesAsync(path);
        var l1 = (int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(40));
        var l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l1)) & 0x00ff_ffff_ffff_fe00);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l2 + 8 * 3), entry);

        await ImportAsync(_scratch.File("broken.qcow2", image)).ShouldFailAsync(ImageFailure.Refused, "damaged qcow2 image", why);

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_no_file_is_told_at_once()
    {
        await Programs.RunAsync("mkfifo", Path.Combine(_scratch.Root, "pipe"));

        await ImportAsync(Path.Combine(_scratch.Root, "pipe")).ShouldFailAsync(ImageFailure.Refused, "not a regular file");
        await ImportAsync(Path.Combine(_scratch.Root, "nothing")).ShouldFailAsync(ImageFailure.Unavailable, "cannot be read");
    }

    [Fact]
    public async Task What_a_killed_import_left_is_replaced()
    {
        var disk = Disk(2 * MiB);
        await File.WriteAllTextAsync(Path.Combine(_scratch.Volume, ".disk.img.part"), "half");

        await ImportAsync(await Qcow2Async(disk, "compat=1.1", compressed: true));

        Same(Target, disk);
        _scratch.Names.ShouldBe(["disk.img"]);
    }

    [Fact]
    public async Task A_cancelled_import_leaves_nothing()
    {
        var image = await Qcow2Async(Disk(2 * MiB), "compat=1.1", compressed: false);
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(
            DiskImport.RunAsync(new DiskImportRequest { Source = image, Target = Target }, null, cancel.Token));

        _scratch.Names.ShouldBeEmpty();
    }

    private Task<DiskImported> ImportAsync(string source, long? size = null) =>
        DiskImport.RunAsync(new DiskImportRequest { Source = source, Target = Target, Size = size }, null, CancellationToken.None);

    private async Task<string> Qcow2Async(byte[] disk, string options, bool compressed)
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync([
            "qemu-img", "convert", "-f", "raw", "-O", "qcow2", .. compressed ? ["-c"] : Array.Empty<string>(), "-o", options, _scratch.File("disk.raw", disk), path]);
        return path;
    }

    /// <summary>What disks have: noise, text, zeroes, and islands of a block between zeroes.</summary>
    private static byte[] Disk(int size)
    {
        const int Piece = 192 << 10, Block = 4096;
        var disk = Samples.Raw(size);
        for (var (at, kind) = (Piece, 0); at < size; at += Piece, kind = (kind + 1) % 4)
        {
            var piece = disk.AsSpan(at, Math.Min(Piece, size - at));
            if (kind == 1)
                piece.Clear();
            else if (kind == 2)
                for (var i = 0; i < piece.Length; i++)
                    piece[i] = (byte)"all work and no play makes a dull disk "[i % 39];
            else if (kind == 3)
                for (var i = 0; i < piece.Length; i += Block)
                    if (i / Block % 5 != 0)
                        piece[i..Math.Min(i + Block, piece.Length)].Clear();
        }
        return disk;
    }

    private static void Same(string path, byte[] expected)
    {
        var actual = File.ReadAllBytes(path);
        actual.Length.ShouldBe(expected.Length);
        actual.AsSpan().CommonPrefixLength(expected).ShouldBe(expected.Length, "the first byte that differs");
    }

    private static long Allocated(string path) => Libc.Stat(path)!.Value.Allocated;
}
