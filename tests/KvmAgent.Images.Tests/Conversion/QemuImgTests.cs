using KvmAgent.Images.Conversion;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Tests.Conversion;

/// <summary>qemu-img under limits, and the other way: a raw disk of what our parsers accepted.</summary>
public sealed class QemuImgTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("VMDK")]
    [InlineData("streamOptimized, written in one go")]
    [InlineData("VDI")]
    [InlineData("fixed VDI")]
    [InlineData("VHD")]
    [InlineData("fixed VHD")]
    [InlineData("VHD of cylinders")]
    [InlineData("fixed VHD of cylinders")]
    [InlineData("VHD of Hyper-V")]
    [InlineData("VHD of Azure")]
    [InlineData("VHD of nobody known")]
    [InlineData("VHDX")]
    [InlineData("fixed VHDX")]
    public async Task What_our_parser_accepts_becomes_a_raw_disk_of_the_size_that_it_saw(string what)
    {
        var path = _scratch.File("image", Sample(what));
        var info = ImageInspector.Inspect(path);
        using var source = File.OpenHandle(path);
        using var target = Create();
        // The name is nobody's any more; what we have open is what is read.
        File.Delete(path);

        await QemuImg.RunAsync(new(QemuImgNode.Of(info, source, path), target, "disk", ImageFormat.Raw, info.VirtualSize), null, CancellationToken.None);

        RandomAccess.GetLength(target).ShouldBe(info.VirtualSize);
        var disk = new byte[Math.Min(DiskSamples.Size, info.VirtualSize)];
        RandomAccess.Read(target, disk, 0);
        disk.AsSpan().SequenceEqual(Samples.Raw(DiskSamples.Size).AsSpan(0, disk.Length)).ShouldBeTrue();
    }

    private static byte[] Sample(string what) => what switch
    {
        "VMDK" => DiskSamples.Vmdk,
        "streamOptimized, written in one go" => DiskSamples.Stream,
        "VDI" => DiskSamples.Vdi,
        "fixed VDI" => DiskSamples.Make("vdi", "static=on"),
        "VHD" => DiskSamples.Vhd,
        "fixed VHD" => DiskSamples.FixedVhd,
        "VHD of cylinders" => DiskSamples.Make("vpc"),
        "fixed VHD of cylinders" => DiskSamples.Make("vpc", "subformat=fixed"),
        "VHD of Hyper-V" => DiskSamples.Make("vpc").BendFooter(28, "win "u8.ToArray()),
        // Its geometry is smaller than its current size: QEMU 7.2 takes the geometry unless it is told, later versions the current size.
        "VHD of Azure" => DiskSamples.Make("vpc").BendFooter(28, "wa\0\0"u8.ToArray()).BendFooter(57, 20),
        "VHD of nobody known" => DiskSamples.Make("vpc").BendFooter(28, "vpc "u8.ToArray()).BendFooter(57, 20),
        "VHDX" => DiskSamples.Vhdx,
        "fixed VHDX" => DiskSamples.Make("vhdx", "subformat=fixed"),
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    [Fact]
    public async Task Progress_is_told_in_order_from_0_to_100()
    {
        using var source = File.OpenHandle(_scratch.File("disk", Samples.Raw(64 << 20)));
        using var target = Create();
        var told = new Told();

        await QemuImg.RunAsync(Work(source, target), told, CancellationToken.None);

        (told.All[0], told.All[^1]).ShouldBe((0, 100));
        told.All.ShouldBe(told.All.Order());
        told.All.Count.ShouldBeGreaterThan(4);
    }

    [Theory]
    [InlineData("    (12.34/100%)", 12.34)]
    [InlineData("(0.00/100%)", 0.0)]
    [InlineData("    (100.00/100%)", 100.0)]
    [InlineData("    (100.01/100%)", null)]
    [InlineData("    (-1.00/100%)", null)]
    [InlineData("    (1,00/100%)", null)]
    [InlineData("    (12.34/100%) ", null)]
    [InlineData("    (١٢.34/100%)", null)]
    [InlineData("warning: something", null)]
    [InlineData("", null)]
    public void Progress_is_read_strictly(string line, double? percent) => QemuImgProgress.Parse(line).ShouldBe(percent);

    [Fact]
    public async Task Other_lines_are_let_pass_however_long()
    {
        var told = new Told();
        using var output = new StreamReader(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(
            $"hello\n    (1.00/100%)\r{new string(' ', 5000)}(2.00/100%)\r(3.00/100%)\r(4.00/100")));

        await QemuImgProgress.FollowAsync(output, told);

        told.All.ShouldBe([1, 3]);
    }

    [Fact]
    public async Task A_limit_that_is_met_is_named()
    {
        using var source = File.OpenHandle(_scratch.File("disk", Samples.Raw(192 << 20)));
        using var target = Create();
        var work = Work(source, target) with { Compressed = true };

        await QemuImg.RunAsync(work with { CpuTime = 1 }, null, CancellationToken.None).ShouldFailAsync(ImageFailure.Refused, "limit of 1 s of CPU time", "the disk");
        await QemuImg.RunAsync(work with { AddressSpace = 16 << 20 }, null, CancellationToken.None).ShouldFailAsync(ImageFailure.Refused, "limit of 16777216 bytes of address space", "the disk");
        await QemuImg.RunAsync(work with { Format = ImageFormat.Raw, Size = 1 << 20 }, null, CancellationToken.None).ShouldFailAsync(ImageFailure.NoSpace, "file-size limit");
    }

    [Theory]
    [InlineData(127, "prlimit: failed to execute qemu-img: No such file or directory", ImageFailure.Missing, "install qemu-utils")]
    [InlineData(127, "qemu-img: error while loading shared libraries: libz.so.1: failed to map segment from shared object", ImageFailure.Refused, "bytes of address space")]
    [InlineData(137, "", ImageFailure.Refused, "killed from outside")]
    [InlineData(134, "qemu: qemu_thread_create: Resource temporarily unavailable", ImageFailure.Refused, "bytes of address space")]
    [InlineData(139, "", ImageFailure.Refused, "signal 11")]
    [InlineData(153, "", ImageFailure.Refused, "bytes written")]
    [InlineData(1, "qemu-img: error while writing at byte 0: Disk quota exceeded", ImageFailure.NoSpace, "is full")]
    [InlineData(1, "qemu-img: error while writing at byte 0: Input/output error", ImageFailure.Unwritable, "cannot be written")]
    [InlineData(1, "one\n\u001b[2Jtwo\n", ImageFailure.Refused, "one; ?[2Jtwo; check")]
    public void How_it_ended_is_told(int code, string error, ImageFailure reason, string says)
    {
        using var file = File.OpenHandle(_scratch.File("disk", []));
        var e = QemuImgFault.Of(Work(file, file), code, error);
        (e.Reason, e.Message).ShouldSatisfyAllConditions(t => t.Reason.ShouldBe(reason), t => t.Message.ShouldContain(says));
    }

    [Fact]
    public async Task An_error_has_the_names_that_people_know_and_not_ours()
    {
        using var source = File.OpenHandle(_scratch.File("disk", Samples.Raw(1 << 20)));
        using var target = Create();

        var message = await QemuImg.RunAsync(Work(source, target) with { Source = new("qcow2", source, "the disk") }, null, CancellationToken.None)
            .ShouldFailAsync(ImageFailure.Refused, "Could not open 'the disk'", "not in qcow2 format");

        message.ShouldNotContain("/proc/");
    }

    private QemuImgConversion Work(SafeFileHandle source, SafeFileHandle target) =>
        new(new("raw", source, "the disk"), target, Path.Combine(_scratch.Root, "target"), ImageFormat.Qcow2, RandomAccess.GetLength(source));

    private SafeFileHandle Create() =>
        File.OpenHandle(Path.Combine(_scratch.Root, "target"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);

    private sealed class Told : IProgress<double>
    {
        public List<double> All { get; } = [];

        public void Report(double value) => All.Add(value);
    }
}
