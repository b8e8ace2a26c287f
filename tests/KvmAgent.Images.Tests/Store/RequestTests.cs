using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

public sealed class RequestTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(700_001);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private string Image => Path.Combine(_scratch.Volume, "base");

    [Fact]
    public async Task Without_a_source_the_image_must_be_there() =>
        await Quick.EnsureAsync(_scratch.Request(null)).ShouldFailAsync(ImageFailure.Settings, Image, "no source");

    [Fact]
    public async Task A_source_path_that_is_not_there_is_told() =>
        await Quick.EnsureAsync(_scratch.Request("/nowhere/disk.img")).ShouldFailAsync(ImageFailure.Unavailable, "/nowhere/disk.img", "does not exist");

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/")]
    public async Task A_source_that_is_no_regular_file_is_refused(string path)
    {
        await Quick.EnsureAsync(_scratch.Request(path)).ShouldFailAsync(ImageFailure.Refused, "not a regular file");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_pipe_as_source_is_refused_and_not_waited_for()
    {
        var pipe = Path.Combine(_scratch.Root, "pipe");
        await Programs.RunAsync("mkfifo", pipe);
        await Quick.EnsureAsync(_scratch.Request(pipe)).ShouldFailAsync(ImageFailure.Refused, "not a regular file");
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("../base")]
    [InlineData(".hidden")]
    [InlineData("")]
    [InlineData("a\nb")]
    [InlineData("base.json")]
    public async Task A_name_that_could_lead_elsewhere_is_a_wrong_setting(string name) =>
        await Quick.EnsureAsync(_scratch.Request("/x") with { Name = name }).ShouldFailAsync(ImageFailure.Settings, "image name");

    [Theory]
    [InlineData("disk.img", "neither a URL nor an absolute path")]
    [InlineData("file://server/disk.img", "names no file of this machine")]
    [InlineData("s3://bucket/key", "scheme 's3'")]
    [InlineData("http://", "neither")]
    [InlineData("", "neither")]
    public async Task A_source_we_cannot_fetch_from_is_a_wrong_setting(string source, string words) =>
        await Quick.EnsureAsync(_scratch.Request(source)).ShouldFailAsync(ImageFailure.Settings, words);

    [Fact]
    public async Task A_volume_that_is_not_mounted_is_told() =>
        await Quick.EnsureAsync(_scratch.Request("/x") with { Directory = "/nowhere" }).ShouldFailAsync(ImageFailure.Unwritable, "/nowhere", "mount");

    [Fact]
    public async Task Something_else_under_the_images_name_is_told()
    {
        Directory.CreateDirectory(Image);
        await Quick.EnsureAsync(_scratch.Request("/x")).ShouldFailAsync(ImageFailure.Unwritable, Image, "not a regular file");
    }

    [Fact]
    public async Task A_link_that_leads_nowhere_is_told_and_not_fetched_over()
    {
        File.CreateSymbolicLink(Image, "/nowhere/disk.img");
        await Quick.EnsureAsync(_scratch.Request(_scratch.File("source", Disk))).ShouldFailAsync(ImageFailure.Unwritable, Image, "/nowhere/disk.img");
    }

    [Fact]
    public async Task A_link_to_an_image_elsewhere_is_followed()
    {
        File.CreateSymbolicLink(Image, _scratch.File("elsewhere", Disk));
        (await Quick.EnsureAsync(_scratch.Request(null))).Digest.ShouldBe(Samples.Sha256(Disk));
    }

    [Theory]
    [InlineData("sha256:00")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427")]
    [InlineData("crc32:d41d8cd9")]
    [InlineData("sha256")]
    [InlineData("sha256:zz00000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("")]
    public void A_checksum_that_is_none_is_a_wrong_setting(string text) =>
        Failures.ShouldFail(() => Checksum.Parse(text), ImageFailure.Settings, $"'{text}'", "sha256:");
}
