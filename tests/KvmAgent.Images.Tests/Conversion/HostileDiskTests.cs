using System.Text;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Conversion;

/// <summary>Overlays with their base, and disks whose header names a file that is not theirs.</summary>
public sealed class HostileDiskTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const string Secret = "canary-7c1f3a5e9d";

    private readonly Scratch _scratch = new();

    private string Target => Path.Combine(_scratch.Volume, "disk.out");

    private string Base => Path.Combine(_scratch.Root, "base.qcow2");

    private string Overlay => Path.Combine(_scratch.Root, "vm.qcow2");

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(ImageFormat.Raw, "raw", null)]
    [InlineData(ImageFormat.Qcow2, "qcow2", ImageFormat.Qcow2)]
    [InlineData(ImageFormat.Vmdk, "vmdk", null)]
    public async Task An_overlay_and_the_base_that_is_named_become_one(ImageFormat format, string driver, ImageFormat? said)
    {
        var disk = await OverlayAsync("qcow2", Base);

        var done = await ConvertAsync(Request(Overlay, format) with { Backing = Base, SourceFormat = said });

        done.SourceFormat.ShouldBe(ImageFormat.Qcow2);
        await Programs.RunAsync("qemu-img", "convert", "-f", driver, "-O", "raw", Target, Target + ".raw");
        File.ReadAllBytes(Target + ".raw").AsSpan().SequenceEqual(disk).ShouldBeTrue();
        if (format == ImageFormat.Qcow2)
            Qcow2Header.Read(Target).BackingFile.ShouldBeNull();
    }

    [Theory]
    [InlineData("raw", "base.raw")]
    [InlineData("raw", "./base.raw")]
    public async Task A_base_may_be_raw_and_named_from_where_the_overlay_is(string format, string name)
    {
        var disk = await OverlayAsync(format, name);

        await ConvertAsync(Request(Overlay, ImageFormat.Raw) with { Backing = Path.Combine(_scratch.Root, "base.raw") });

        File.ReadAllBytes(Target).AsSpan().SequenceEqual(disk).ShouldBeTrue();
    }

    [Fact]
    public async Task An_overlay_is_refused_without_its_base_and_with_another()
    {
        await OverlayAsync("qcow2", Base);
        var other = Path.Combine(_scratch.Root, "other.qcow2");
        File.Copy(Base, other);
        var request = Request(Overlay, ImageFormat.Raw);

        await ConvertAsync(request).ShouldFailAsync(ImageFailure.Refused, Overlay, $"names a backing file ('{Base}')", "name that file");
        await ConvertAsync(request with { SourceFormat = ImageFormat.Qcow2 }).ShouldFailAsync(ImageFailure.Refused, "names a backing file");
        await ConvertAsync(request with { Backing = other }).ShouldFailAsync(ImageFailure.Refused, $"its backing file is '{Base}', not {other}");
        await ConvertAsync(request with { Source = Base, Backing = other }).ShouldFailAsync(ImageFailure.Refused, "has no backing file");
        await ConvertAsync(request with { Source = _scratch.File("disk.raw", Samples.Raw(MiB)), Backing = other }).ShouldFailAsync(ImageFailure.Refused, "is no qcow2 image");
        await ConvertAsync(request with { Backing = Base, Target = Base, Replace = true }).ShouldFailAsync(ImageFailure.Settings, "is what is converted");
        File.Delete(Base);
        await ConvertAsync(request with { Backing = Base }).ShouldFailAsync(ImageFailure.Unavailable, Base);
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_base_that_has_a_base_and_one_of_another_format_are_refused()
    {
        await OverlayAsync("qcow2", Base);
        var top = Path.Combine(_scratch.Root, "top.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", Overlay, top);

        await ConvertAsync(Request(top, ImageFormat.Raw) with { Backing = Overlay }).ShouldFailAsync(ImageFailure.Refused, Overlay, "names a backing file");
        File.WriteAllBytes(Base, Samples.Raw(MiB));
        await ConvertAsync(Request(Overlay, ImageFormat.Raw) with { Backing = Base }).ShouldFailAsync(ImageFailure.Refused, "says that", "is qcow2, but that is raw");
        _scratch.Names.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(ImageFormat.Raw, "raw")]
    [InlineData(ImageFormat.Qcow2, "qcow2")]
    [InlineData(ImageFormat.Vmdk, "vmdk")]
    [InlineData(ImageFormat.Vhd, "vpc")]
    [InlineData(ImageFormat.Vhdx, "vhdx")]
    public async Task A_raw_disk_that_says_it_is_an_overlay_of_a_secret_is_raw(ImageFormat format, string driver)
    {
        var disk = await HostileAsync();

        await ConvertAsync(Request(disk, format) with { SourceFormat = ImageFormat.Raw });

        var back = Target + ".raw";
        await Programs.RunAsync("qemu-img", "convert", "-f", driver, "-O", "raw", Target, back);
        File.ReadAllBytes(back).AsSpan().SequenceEqual(File.ReadAllBytes(disk)).ShouldBeTrue();
        File.ReadAllBytes(Target).AsSpan().IndexOf(Encoding.ASCII.GetBytes(Secret)).ShouldBe(-1);
    }

    [Fact]
    public async Task Without_a_word_about_its_format_it_is_refused()
    {
        var disk = await HostileAsync();

        await ConvertAsync(Request(disk, ImageFormat.Raw)).ShouldFailAsync(ImageFailure.Refused, "names a backing file", "guest's raw disk, say so");
        await ConvertAsync(Request(disk, ImageFormat.Raw) with { SourceFormat = ImageFormat.Qcow2 }).ShouldFailAsync(ImageFailure.Refused, "names a backing file");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_data_file_is_not_followed()
    {
        var disk = Path.Combine(_scratch.Root, "data.qcow2");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={_scratch.File("secret", Raw())},data_file_raw=on", disk, "1M");

        await ConvertAsync(Request(disk, ImageFormat.Raw) with { SourceFormat = ImageFormat.Qcow2 }).ShouldFailAsync(ImageFailure.Refused, "keeps its data in another file");
        _scratch.Names.ShouldBeEmpty();
    }

    /// <summary>A secret as a disk, and what a guest has made of its own one: a qcow2 header, which names the secret.</summary>
    private async Task<string> HostileAsync()
    {
        var secret = _scratch.File("secret", Raw());
        var disk = Path.Combine(_scratch.Root, "guest.raw");
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, disk, "1M");
        using (var file = File.OpenWrite(disk))
            file.SetLength(MiB);
        return disk;
    }

    private static byte[] Raw()
    {
        var disk = Samples.Raw(MiB);
        Encoding.ASCII.GetBytes(Secret).CopyTo(disk, 4096);
        return disk;
    }

    /// <summary>A base, and an overlay with 64 KiB of its own.</summary>
    /// <returns>The disk that both make.</returns>
    private async Task<byte[]> OverlayAsync(string format, string named)
    {
        var disk = Samples.Raw(2 * MiB);
        await Programs.RunAsync("qemu-img", "convert", "-f", "raw", "-O", format, _scratch.File("disk.raw", disk), Path.Combine(_scratch.Root, "base." + format));
        await Programs.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", named, Overlay);
        await Programs.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 64k", Overlay);
        disk.AsSpan(MiB, 65536).Fill(7);
        return disk;
    }

    private DiskConversionRequest Request(string source, ImageFormat format) => new() { Source = source, Target = Target, Format = format };

    private static Task<DiskConverted> ConvertAsync(DiskConversionRequest request) => DiskConversion.RunAsync(request, null, CancellationToken.None);
}
