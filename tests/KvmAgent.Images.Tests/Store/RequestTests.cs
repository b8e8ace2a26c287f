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
    [InlineData("ftp://server/key", "'ftp'", "s3", "docker")]
    [InlineData("s3://bucket", "'s3://bucket'", "names no object", "s3://BUCKET/KEY")]
    [InlineData("s3://bucket/", "'s3://bucket/'", "names no object", "s3://BUCKET/KEY")]
    [InlineData("s3://bucket/folder/", "'s3://bucket/folder/'", "names no object")]
    [InlineData("s3:///bucket/key", "'s3:///bucket/key'", "names no bucket", "s3://BUCKET/KEY")]
    [InlineData("s3://minio:9000/bucket/key", "'s3://minio:9000/bucket/key'", "names no bucket", "S3 endpoint")]
    [InlineData("s3://user:secret@bucket/key", "'s3://…@bucket/key'", "names no bucket")]
    [InlineData("s3://bucket/a/../key", "'s3://bucket/a/../key'", "'..'")]
    [InlineData("docker://quay.io", "'docker://quay.io'", "names no repository", "docker://HOST")]
    [InlineData("oci://quay.io/", "'oci://quay.io/'", "names no repository")]
    [InlineData("docker://fedora/x", "'docker://fedora/x'", "no full host name", "docker.io/")]
    [InlineData("docker:///x", "'docker:///x'", "names no registry")]
    [InlineData("docker://quay.io/Disks/x:1", "'docker://quay.io/Disks/x:1'", "upper-case", "write disks/x")]
    [InlineData("docker://quay.io/disks//x", "'docker://quay.io/disks//x'", "no registry has")]
    [InlineData("docker://quay.io/disks/x?path=y", "'docker://quay.io/disks/x?…'", "no registry has")]
    [InlineData("docker://quay.io/disks/../../x", "'docker://quay.io/disks/../../x'", "no registry has")]
    [InlineData("docker://quay.io/disks/x:", "tag ''", "docker://HOST")]
    [InlineData("docker://quay.io/disks/x@md5:d41d8cd98f00b204e9800998ecf8427e", "digest 'md5:", "@sha256:")]
    [InlineData("docker://user:secret@quay.io/disks/x", "'docker://…@quay.io/disks/x'", "user and password apart")]
    [InlineData("http://", "neither")]
    [InlineData("", "neither")]
    public async Task A_source_we_cannot_fetch_from_is_a_wrong_setting(string source, params string[] words) =>
        await Quick.EnsureAsync(_scratch.Request(source)).ShouldFailAsync(ImageFailure.Settings, words);

    [Theory]
    [InlineData("minio:9000", "us-east-1", "'minio:9000'", "https://HOST")]
    [InlineData("https://minio/bucket", "us-east-1", "'https://minio/bucket'", "without path")]
    [InlineData("https://user:secret@minio", "us-east-1", "'https://…@minio'", "without path, user")]
    [InlineData("https://minio", "evil.example/x", "'evil.example/x'", "us-east-1")]
    public async Task An_S3_server_that_is_none_is_a_wrong_setting(string endpoint, string region, params string[] words)
    {
        var access = Quick.Loopback with { S3Endpoint = endpoint, S3Region = region };
        await Quick.EnsureAsync(_scratch.Request("s3://bucket/key") with { Access = access }).ShouldFailAsync(ImageFailure.Settings, words);
    }

    [Theory]
    [InlineData("id", null, null)]
    [InlineData(null, "secret", null)]
    [InlineData(null, null, "token")]
    public async Task Half_of_the_keys_of_S3_is_a_wrong_setting(string? user, string? password, string? token)
    {
        var access = Quick.Loopback with { User = user, Password = password, BearerToken = token };
        await Quick.EnsureAsync(_scratch.Request("s3://bucket/key") with { Access = access })
            .ShouldFailAsync(ImageFailure.Settings, "s3://bucket/key", "access key id and secret key");
    }

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
