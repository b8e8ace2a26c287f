using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Conversion;

/// <summary>A volume of 4 MiB, mounted for one test.</summary>
public sealed class FullTargetTests : IAsyncLifetime, IDisposable
{
    private readonly Scratch _scratch = new();

    public Task InitializeAsync() => Programs.RunAsync("mount", "-t", "tmpfs", "-o", "size=4m", "kvm-agent-convert", _scratch.Volume);

    public Task DisposeAsync() => Programs.RunAsync("umount", _scratch.Volume);

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_raw_disk_that_does_not_fit_is_not_begun() =>
        await ConvertAsync(_scratch.File("disk.raw", Samples.Raw(6 << 20)), ImageFormat.Raw).ShouldFailAsync(ImageFailure.NoSpace, "bytes free", $"needs {6 << 20}");

    [Theory]
    [InlineData(ImageFormat.Qcow2)]
    [InlineData(ImageFormat.Vmdk)]
    [InlineData(ImageFormat.Vhd)]
    [InlineData(ImageFormat.Vhdx)]
    public async Task A_volume_that_fills_midway_is_left_clean(ImageFormat format)
    {
        await ConvertAsync(_scratch.File("disk.raw", Samples.Raw(6 << 20)), format).ShouldFailAsync(ImageFailure.NoSpace, _scratch.Volume, "is full", "make room");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_mostly_empty_disk_fits_by_what_it_holds()
    {
        var raw = _scratch.File("disk.raw", Samples.Raw(1 << 20));
        using (var file = File.OpenWrite(raw))
            file.SetLength(1 << 30);

        (await ConvertAsync(raw, ImageFormat.Raw)).Size.ShouldBe(1 << 30);
    }

    private Task<DiskConverted> ConvertAsync(string source, ImageFormat format) =>
        DiskConversion.RunAsync(new() { Source = source, Target = Path.Combine(_scratch.Volume, "disk.out"), Format = format }, null, CancellationToken.None);
}
