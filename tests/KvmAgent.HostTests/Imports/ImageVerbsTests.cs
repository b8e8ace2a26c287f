using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Rest;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Imports;

/// <summary><c>kvmctl image</c> through a whole coordinator, with real importers.</summary>
public sealed class ImageVerbsTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public async Task A_file_is_sent_in_parts_and_fills_a_volume_and_a_url_is_fetched_into_one()
    {
        await using var cluster = await ImageVerbsCluster.StartAsync();
        // More than one part.
        var disk = Disk(40);
        var file = cluster.Write("disk.img", disk);
        (await cluster.KvmctlAsync("image", "upload", file, "--name", "fedora", "-n", ImageVerbsCluster.Namespace)).ShouldBe((0, "golden/fedora is filled\n", ""));
        Content(cluster, "fedora", disk.Length).SequenceEqual(disk).ShouldBeTrue();
        cluster.Node.Started.ShouldBe(1);

        var url = cluster.Site.Add("/debian.img", disk);
        (await cluster.KvmctlAsync("image", "import", url, "--name", "debian", "-n", ImageVerbsCluster.Namespace, "--size", "40Mi")).ShouldBe((0, "golden/debian is filled\n", ""));
        Content(cluster, "debian", disk.Length).SequenceEqual(disk).ShouldBeTrue();

        var images = await cluster.KvmctlAsync("image", "list", "-n", ImageVerbsCluster.Namespace, "-o", "json");
        var listed = JsonNode.Parse(images.Output)!["images"]!.AsArray().ShouldHaveSingleItem()!;
        ((string?)listed["image"], (string?)listed["volumes"]!.AsArray().ShouldHaveSingleItem()).ShouldBe((url, "golden/debian"));
    }

    [Fact]
    public async Task What_broke_off_goes_on_in_another_run()
    {
        await using var cluster = await ImageVerbsCluster.StartAsync();
        var disk = Disk(40);
        (await cluster.SendAsync(HttpMethod.Post, "/kubevirt/images", JsonContent.Create(new { name = "fedora", @namespace = ImageVerbsCluster.Namespace, size_bytes = disk.Length }))).ShouldBe(HttpStatusCode.Created);
        await Until.TrueAsync(async () => await SendAsync(0, disk[..(20 * MiB)]) == HttpStatusCode.NoContent, TimeSpan.FromMinutes(1));
        await Until.TrueAsync(async () => await SendAsync(7, disk[7..]) == HttpStatusCode.Conflict, TimeSpan.FromMinutes(1));

        (await cluster.KvmctlAsync("image", "upload", cluster.Write("disk.img", disk), "--name", "fedora", "-n", ImageVerbsCluster.Namespace, "--continue")).ShouldBe((0, "golden/fedora is filled\n", ""));
        Content(cluster, "fedora", disk.Length).SequenceEqual(disk).ShouldBeTrue();
        cluster.Node.Started.ShouldBe(1);
        (await SendAsync(0, disk)).ShouldBe(HttpStatusCode.Gone);

        Task<HttpStatusCode> SendAsync(long offset, byte[] part) => cluster.SendAsync(
            HttpMethod.Patch, "/kubevirt/images/golden/fedora/upload", new ByteArrayContent(part) { Headers = { ContentType = new MediaTypeHeaderValue(ImageUploads.Media) } },
            (ImageUploads.VersionHeader, ImageUploads.Version), (ImageUploads.Offset, $"{offset}"), (ImageUploads.Length, $"{disk.Length}"));
    }

    [Fact]
    public async Task What_breaks_off_is_gone_on_with_by_the_same_run()
    {
        await using var cluster = await ImageVerbsCluster.StartAsync();
        var disk = Disk(40);
        cluster.Line.CutAt = 20 * MiB;
        var upload = cluster.KvmctlAsync("image", "upload", cluster.Write("disk.img", disk), "--name", "fedora", "-n", ImageVerbsCluster.Namespace);
        await Until.TrueAsync(() => Task.FromResult(cluster.Line.IsCut), TimeSpan.FromMinutes(1));
        cluster.Line.IsCut = false;
        var run = await upload;
        (run.ExitCode, run.Output).ShouldBe((0, "golden/fedora is filled\n"), run.Error);
        run.Error.ShouldContain("; going on in a moment\n");
        Content(cluster, "fedora", disk.Length).SequenceEqual(disk).ShouldBeTrue();
        cluster.Node.Started.ShouldBe(1);
        cluster.Line.Sent.ShouldBeLessThan(60L * MiB, "what was there is not sent again");
    }

    [Fact]
    public async Task What_makes_no_sense_is_told_with_its_value_and_remedy()
    {
        await using var cluster = await ImageVerbsCluster.StartAsync();
        var page = cluster.Write("page.html", "<html>no disk</html>"u8.ToArray());
        await FailsAsync(65, "page.html", "image", "upload", page, "--name", "fedora", "-n", ImageVerbsCluster.Namespace);
        await FailsAsync(64, "--size much is no size; give one such as 10Gi", "image", "import", "https://example.com/a", "--name", "fedora", "--size", "much");
        await FailsAsync(64, "url=\"ftp://example.com/a\" is none of an image", "image", "import", "ftp://example.com/a", "--name", "fedora");
        await FailsAsync(64, "the url has a user in it", "image", "import", "https://me:secret@example.com/a", "--name", "fedora");
        await FailsAsync(65, "golden/web is not filled", "image", "import", cluster.Site.Add("/page.html", "<html>no disk</html>"u8.ToArray()), "--name", "web", "-n", ImageVerbsCluster.Namespace, "--size", "1Mi");

        var disk = cluster.Write("disk.img", Disk(2));
        var report = await cluster.KvmctlAsync("image", "inspect", disk, "-o", "json");
        (report.ExitCode, (long)JsonNode.Parse(report.Output)!["virtualSize"]!).ShouldBe((0, 2L * MiB), report.Error);
        var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Disk(2));
        }

        await FailsAsync(64, "give --size", "image", "upload", cluster.Write("disk.img.gz", packed.ToArray()), "--name", "packed", "-n", ImageVerbsCluster.Namespace);

        async Task FailsAsync(int code, string why, params string[] arguments)
        {
            var run = await cluster.KvmctlAsync(arguments);
            run.ExitCode.ShouldBe(code, run.Error + run.Output);
            run.Error.ShouldContain(why);
        }
    }

    private static byte[] Content(ImageVerbsCluster cluster, string claim, int length) => File.ReadAllBytes(cluster.Node.Disk(ImageVerbsCluster.Namespace, claim))[..length];

    /// <summary>With an MBR's signature, so that it is recognised.</summary>
    private static byte[] Disk(int size)
    {
        var disk = new byte[size * MiB];
        new Random(3).NextBytes(disk.AsSpan(MiB));
        (disk[510], disk[511]) = (0x55, 0xaa);
        return disk;
    }
}
