using System.Buffers.Binary;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>A disk written onto a block device that had another one.</summary>
public sealed class BlockDeviceTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_has_the_image_and_behind_it_zeroes(bool packed)
    {
        var disk = Samples.Raw(3 * MiB);
        disk.AsSpan(MiB, MiB).Clear();
        await using var device = await LoopDevice.CreateAsync(_scratch, 8 * MiB);
        var source = packed ? await GzipAsync(_scratch.File("disk.raw", disk)) : await Qcow2Async(disk);

        await ImportAsync(source, device);

        var written = await File.ReadAllBytesAsync(device.Path);
        written.AsSpan(0, disk.Length).SequenceEqual(disk).ShouldBeTrue();
        written.AsSpan(disk.Length).ContainsAnyExcept((byte)0).ShouldBeFalse();
    }

    [Fact]
    public async Task One_that_is_too_small_is_left_as_it_was()
    {
        await using var device = await LoopDevice.CreateAsync(_scratch, MiB);

        await ImportAsync(await Qcow2Async(Samples.Raw(3 * MiB)), device).ShouldFailAsync(ImageFailure.NoSpace, $"has {MiB} bytes", $"needs {3 * MiB}");

        (await File.ReadAllBytesAsync(device.Path)).ShouldAllBe(b => b == 0xff);
    }

    [Fact]
    public async Task A_packed_disk_that_is_longer_than_it_stops_at_its_end()
    {
        await using var device = await LoopDevice.CreateAsync(_scratch, 2 * MiB);

        await ImportAsync(await GzipAsync(_scratch.File("disk.raw", Samples.Raw(3 * MiB))), device).ShouldFailAsync(ImageFailure.NoSpace, $"{2 * MiB} bytes");

        HasNoBeginning(device);
    }

    [Fact]
    public async Task A_failed_import_leaves_nothing_that_looks_like_a_disk()
    {
        var image = await File.ReadAllBytesAsync(await Qcow2Async(Samples.Raw(4 * MiB)));
        var l1 = (int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(40));
        var l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l1)) & 0x00ff_ffff_ffff_fe00);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l2 + 8 * 60), 1UL << 62 | 7); // a compressed cluster that is none
        await using var device = await LoopDevice.CreateAsync(_scratch, 8 * MiB);

        await ImportAsync(_scratch.File("broken", image), device).ShouldFailAsync(ImageFailure.Refused, "cannot be unpacked");

        HasNoBeginning(device);
    }

    private static void HasNoBeginning(LoopDevice device) =>
        File.ReadAllBytes(device.Path).AsSpan(0, MiB).ContainsAnyExcept((byte)0).ShouldBeFalse();

    private static Task<DiskImported> ImportAsync(string source, LoopDevice device) =>
        DiskImport.RunAsync(new DiskImportRequest { Source = source, Target = device.Path }, null, CancellationToken.None);

    private async Task<string> Qcow2Async(byte[] disk)
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", "qcow2", _scratch.File("disk.raw", disk), path);
        return path;
    }

    private static async Task<string> GzipAsync(string path)
    {
        await Programs.RunAsync("gzip", "-k", path);
        return $"{path}.gz";
    }
}
