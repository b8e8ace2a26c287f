using System.Diagnostics;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Conversion;

/// <summary>Disks in other formats, read back by qemu-img with the format named.</summary>
public sealed class DiskConversionTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly Scratch _scratch = new();

    private string Target => Path.Combine(_scratch.Volume, "disk.out");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(ImageFormat.Raw, false, "raw")]
    [InlineData(ImageFormat.Qcow2, false, "qcow2")]
    [InlineData(ImageFormat.Qcow2, true, "qcow2")]
    [InlineData(ImageFormat.Vmdk, false, "vmdk")]
    [InlineData(ImageFormat.Vhd, false, "vpc")]
    [InlineData(ImageFormat.Vhdx, false, "vhdx")]
    public async Task A_raw_disk_and_a_qcow2_image_become_what_is_wanted_and_the_same_disk(ImageFormat format, bool compressed, string driver)
    {
        var disk = Disk(9 * MiB + 3 * 512);
        var raw = _scratch.File("disk.raw", disk);
        var qcow2 = await QemuImgAsync("raw", raw, "qcow2", "disk.qcow2");
        foreach (var source in new[] { raw, qcow2 })
        {
            var reports = new Reports();
            var done = await DiskConversion.RunAsync(Request(source, format) with { Compressed = compressed, Replace = true }, reports, CancellationToken.None);

            done.Size.ShouldBe(disk.Length);
            done.FileSize.ShouldBe(new FileInfo(Target).Length);
            done.SourceFormat.ShouldBe(source == raw ? ImageFormat.Raw : ImageFormat.Qcow2);
            Same(await QemuImgAsync(driver, Target, "raw", "back.raw"), disk);
            ImageInspector.Inspect(Target).Format.ShouldBe(format);
            (reports.All[0].Phase, reports.All[^1].Phase, reports.All[^1].Bytes).ShouldBe((FetchPhase.Converting, FetchPhase.Storing, disk.Length));
            if (format is ImageFormat.Raw or ImageFormat.Qcow2)
                Libc.Stat(Target)!.Value.Allocated.ShouldBeLessThan(6 * MiB);
            if (format == ImageFormat.Vmdk)
                ImageInspector.Inspect(Target).Features.ShouldContain("streamOptimized");
            _scratch.Names.ShouldBe(["disk.out"]);
        }
    }

    [Fact]
    public async Task Compressed_is_smaller()
    {
        var raw = _scratch.File("disk.raw", new byte[4 * MiB].Select((_, i) => (byte)(i % 7 + 1)).ToArray());

        (await ConvertAsync(Request(raw, ImageFormat.Qcow2) with { SourceFormat = ImageFormat.Raw, Compressed = true })).FileSize.ShouldBeLessThan(MiB);
    }

    [Fact]
    public async Task A_disk_that_ends_within_a_sector_is_filled_up()
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(MiB + 100));

        (await ConvertAsync(Request(raw, ImageFormat.Raw))).Size.ShouldBe(MiB + 512);
        File.ReadAllBytes(Target).AsSpan(0, MiB + 100).SequenceEqual(Samples.Raw(MiB + 100)).ShouldBeTrue();
    }

    [Fact]
    public async Task Names_are_never_read_as_anything_else()
    {
        var raw = _scratch.File("nbd:a,b=\"c\" ü.raw", Samples.Raw(MiB));
        var target = Path.Combine(_scratch.Volume, "json:{a}, ü");

        await ConvertAsync(Request(raw, ImageFormat.Qcow2) with { Target = target });

        ImageInspector.Inspect(target).VirtualSize.ShouldBe(MiB);
    }

    [Fact]
    public async Task A_target_that_is_there_stays_unless_it_may_be_replaced()
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(MiB));
        await File.WriteAllTextAsync(Target, "mine");

        await ConvertAsync(Request(raw, ImageFormat.Qcow2)).ShouldFailAsync(ImageFailure.Settings, Target, "is there already");
        (await File.ReadAllTextAsync(Target)).ShouldBe("mine");
        await ConvertAsync(Request(raw, ImageFormat.Qcow2) with { Replace = true });
        ImageInspector.Inspect(Target).Format.ShouldBe(ImageFormat.Qcow2);
    }

    [Fact]
    public async Task A_target_that_appears_meanwhile_stays()
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(MiB));
        var appears = new Reports(_ => File.WriteAllText(Target, "mine"));

        await DiskConversion.RunAsync(Request(raw, ImageFormat.Qcow2), appears, CancellationToken.None).ShouldFailAsync(ImageFailure.Settings, "is there already");

        (await File.ReadAllTextAsync(Target)).ShouldBe("mine");
        _scratch.Names.ShouldBe(["disk.out"]);
    }

    [Fact]
    public async Task What_cannot_be_is_told_before_anything_is_made()
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(MiB));
        var request = Request(raw, ImageFormat.Qcow2);
        await Programs.RunAsync("mkfifo", Path.Combine(_scratch.Root, "pipe"));

        await ConvertAsync(request with { Target = Path.Combine(_scratch.Root, "no", "disk") }).ShouldFailAsync(ImageFailure.Unwritable, "no/disk");
        await ConvertAsync(request with { Target = _scratch.Root, Replace = true }).ShouldFailAsync(ImageFailure.Settings, "no file");
        await ConvertAsync(request with { Target = raw, Replace = true }).ShouldFailAsync(ImageFailure.Settings, "is what is converted");
        await ConvertAsync(request with { Source = Path.Combine(_scratch.Root, "nothing") }).ShouldFailAsync(ImageFailure.Unavailable, "cannot be read");
        await ConvertAsync(request with { Source = Path.Combine(_scratch.Root, "pipe") }).ShouldFailAsync(ImageFailure.Refused, "not a regular file");
        await ConvertAsync(request with { Source = _scratch.File("empty", []), SourceFormat = ImageFormat.Raw }).ShouldFailAsync(ImageFailure.Refused, "is empty");
        await ConvertAsync(request with { Source = _scratch.File("vdi", DiskSamples.Vdi) }).ShouldFailAsync(ImageFailure.Refused, "VDI");
        await ConvertAsync(request with { Format = ImageFormat.Vdi }).ShouldFailAsync(ImageFailure.Settings, "not vdi");
        await ConvertAsync(request with { SourceFormat = ImageFormat.Vmdk }).ShouldFailAsync(ImageFailure.Settings, "not vmdk");
        await ConvertAsync(request with { Format = ImageFormat.Vhd, Compressed = true }).ShouldFailAsync(ImageFailure.Settings, "vhd cannot be compressed");
        await ConvertAsync(request with { SourceFormat = ImageFormat.Raw, Backing = "/base" }).ShouldFailAsync(ImageFailure.Settings, "said to be raw");
        using (var file = File.OpenWrite(raw))
            file.SetLength(2L << 40);
        await ConvertAsync(request with { Format = ImageFormat.Vhd }).ShouldFailAsync(ImageFailure.Settings, "take VHDX");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Onto_a_block_device_nothing_is_converted()
    {
        await using var device = await LoopDevice.CreateAsync(_scratch, 4 * MiB);

        await ConvertAsync(Request(_scratch.File("disk.raw", Samples.Raw(MiB)), ImageFormat.Raw) with { Target = device.Path, Replace = true })
            .ShouldFailAsync(ImageFailure.Settings, "is a block device");
    }

    [Fact]
    public async Task What_a_killed_conversion_left_is_replaced()
    {
        await File.WriteAllTextAsync(Path.Combine(_scratch.Volume, ".disk.out.part"), "half");

        await ConvertAsync(Request(_scratch.File("disk.raw", Samples.Raw(MiB)), ImageFormat.Qcow2));

        _scratch.Names.ShouldBe(["disk.out"]);
    }

    [Fact]
    public async Task Cancelled_midway_it_leaves_no_file_and_no_process()
    {
        // Seconds of work, and cancelled as soon as it is seen.
        var raw = _scratch.File("disk.raw", Samples.Raw(128 * MiB));
        using var cancel = new CancellationTokenSource();
        var work = DiskConversion.RunAsync(Request(raw, ImageFormat.Qcow2) with { Compressed = true }, null, cancel.Token);
        string[] running = [];
        await UntilAsync(() => work.IsCompleted || (running = Children()).Length > 0);
        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(work);
        running.ShouldNotBeEmpty();
        Children().ShouldBeEmpty();
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_image_that_a_vm_is_using_is_left_alone()
    {
        var image = await QemuImgAsync("raw", _scratch.File("disk.raw", Samples.Raw(MiB)), "qcow2", "disk.qcow2");
        var start = new ProcessStartInfo("qemu-io", ["-f", "qcow2", image]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var user = Process.Start(start)!;
        try
        {
            // Its prompt comes when the image is open and locked.
            await user.StandardInput.WriteLineAsync("length");
            (await user.StandardOutput.ReadLineAsync()).ShouldNotBeNull().ShouldContain("1 MiB");

            await ConvertAsync(Request(image, ImageFormat.Raw)).ShouldFailAsync(ImageFailure.Unavailable, image, "is in use", "power off");
        }
        finally
        {
            user.StandardInput.Close();
            await user.WaitForExitAsync();
        }
        _scratch.Names.ShouldBeEmpty();
    }

    /// <summary>Other processes that have a file on this test's volume open.</summary>
    private string[] Children() =>
        [.. Directory.EnumerateDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out var pid) && pid != Environment.ProcessId && HasTarget(p))];

    private bool HasTarget(string process)
    {
        try
        {
            return Directory.EnumerateFiles(process + "/fd").Any(
                fd => File.ResolveLinkTarget(fd, returnFinalTarget: false)?.FullName.StartsWith(_scratch.Volume, StringComparison.Ordinal) == true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (!condition())
            await tick.WaitForNextTickAsync();
    }

    private DiskConversionRequest Request(string source, ImageFormat format) => new() { Source = source, Target = Target, Format = format };

    private static Task<DiskConverted> ConvertAsync(DiskConversionRequest request) => DiskConversion.RunAsync(request, null, CancellationToken.None);

    private async Task<string> QemuImgAsync(string from, string path, string to, string name)
    {
        var made = Path.Combine(_scratch.Root, name);
        await Programs.RunAsync("qemu-img", "convert", "-f", from, "-O", to, path, made);
        return made;
    }

    /// <summary>Noise, a hole of 4 MiB, noise.</summary>
    private static byte[] Disk(int size)
    {
        var disk = Samples.Raw(size);
        disk.AsSpan(2 * MiB, 4 * MiB).Clear();
        return disk;
    }

    private static void Same(string path, byte[] expected)
    {
        var actual = File.ReadAllBytes(path);
        actual.Length.ShouldBe(expected.Length);
        actual.AsSpan().CommonPrefixLength(expected).ShouldBe(expected.Length, "the first byte that differs");
    }
}
