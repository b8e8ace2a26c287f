using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests;

public sealed class EnsureTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task An_image_comes_over_http_whole_read_only_and_with_its_record()
    {
        var disk = Samples.Raw(3_000_000);
        await using var server = new FaultServer(heard => Answer.File(heard, disk));

        var image = await new BaseImageStore().EnsureAsync(_scratch.Request(server.Url()), null, default);

        image.ShouldBe(new BaseImage(Path.Combine(_scratch.Volume, "base"), Samples.Sha256(disk), ImageFormat.Raw, disk.Length, Fetched: true));
        File.ReadAllBytes(image.Path).ShouldBe(disk);
        File.GetUnixFileMode(image.Path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task A_second_start_uses_what_is_there_and_asks_nobody()
    {
        var disk = Samples.Raw(100_000);
        await using var server = new FaultServer(heard => Answer.File(heard, disk));
        await new BaseImageStore().EnsureAsync(_scratch.Request(server.Url()), null, default);

        var again = await new BaseImageStore().EnsureAsync(_scratch.Request(server.Url()), null, default);

        again.Fetched.ShouldBeFalse();
        again.Digest.ShouldBe(Samples.Sha256(disk));
        server.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_image_comes_from_a_local_path()
    {
        var disk = Samples.Raw(700_001);
        var source = _scratch.File("source.img", disk);

        var image = await new BaseImageStore().EnsureAsync(_scratch.Request(source), null, default);

        File.ReadAllBytes(image.Path).ShouldBe(disk);
        image.Digest.ShouldBe(Samples.Sha256(disk));
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }
}
