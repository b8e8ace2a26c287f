using KvmAgent.Images.Fetch;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>Inspecting an image where it is, and servers that are not to be believed with ranges.</summary>
public sealed class RemoteImageTests : IDisposable
{
    private static readonly byte[] Image = Qcow2Sample.Bytes;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_qcow2_image_is_judged_by_few_requests_and_bytes_as_if_it_were_here()
    {
        long sent = 0;
        await using var server = new FaultServer(heard =>
        {
            var answer = Answer.File(heard, Image);
            Interlocked.Add(ref sent, answer.Body.Length);
            return answer;
        });

        var info = await InspectAsync(server);

        // A list is equal to itself alone.
        var here = ImageInspector.Inspect(_scratch.File("image", Image));
        (info with { Features = here.Features }).ShouldBe(here);
        info.FileSize.ShouldBe(Image.Length);
        server.Heard.Count.ShouldBeLessThan(5);
        sent.ShouldBeLessThan(256 * 1024);
        server.Heard.Skip(1).ShouldAllBe(h => h.Headers["If-Range"] == "\"v1\"");
    }

    [Theory]
    [InlineData(512)]
    [InlineData(100_000)]
    [InlineData(128 * 1024)]
    [InlineData(128 * 1024 + 1)]
    [InlineData(160 * 1024 + 511)]
    [InlineData(3_000_000)]
    public async Task A_raw_image_of_any_length_is_judged_with_its_end(int length)
    {
        var disk = Samples.Raw(length);
        await using var server = new FaultServer(heard => Answer.File(heard, disk));

        (await InspectAsync(server)).ShouldBe(new ImageInfo(ImageFormat.Raw, length, length, "MBR boot sector", null));

        server.Heard.Count.ShouldBeLessThanOrEqualTo(2);
        "conectix"u8.CopyTo(disk.AsSpan(Math.Max(length - 512, 0)));
        await InspectAsync(server).ShouldFailAsync(ImageFailure.Refused, server.Url(), "VHD");
    }

    [Fact]
    public async Task A_truncated_image_is_refused()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Image[..200_000]));

        await InspectAsync(server).ShouldFailAsync(ImageFailure.Refused, "beyond the end of the file at 200000");
    }

    [Fact]
    public async Task An_empty_file_is_refused()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, []));

        await InspectAsync(server).ShouldFailAsync(ImageFailure.Refused, "is empty");
    }

    [Fact]
    public async Task The_final_address_is_pinned_and_secrets_stay_at_home()
    {
        await using var mirror = new FaultServer(heard => Answer.File(heard, Image));
        await using var server = new FaultServer(_ => Answer.Redirect(mirror.Url("/there")));

        await InspectAsync(server, image => image with { Access = Quick.Loopback with { HeadersFile = _scratch.File("headers", "X-Token: abc\n"u8.ToArray()) } });

        server.Heard.ShouldHaveSingleItem().Headers["X-Token"].ShouldBe("abc");
        mirror.Heard.Count.ShouldBeGreaterThan(1);
        mirror.Heard.ShouldAllBe(h => h.Target == "/there" && !h.Headers.ContainsKey("X-Token"));
    }

    [Fact]
    public async Task Denied_addresses_are_denied_here_too()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Image));

        await InspectAsync(server, image => image with { Access = new() }).ShouldFailAsync(ImageFailure.Refused, "loopback", "IMG_ALLOW_ADDRESS=127.0.0.1");

        server.Heard.ShouldBeEmpty();
    }

    [Fact]
    public async Task Faults_that_pass_are_outlived()
    {
        await using var server = new FaultServer(heard => heard.Number switch
        {
            1 => Answer.Text(503, "later"),
            2 or 4 => Answer.File(heard, Image) with { CutAfter = 1000 },
            _ => Answer.File(heard, Image),
        });

        (await InspectAsync(server)).Format.ShouldBe(ImageFormat.Qcow2);
    }

    [Fact]
    public async Task A_server_that_always_breaks_off_is_given_up()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Image) with { CutAfter = heard.From > 0 ? 1000 : null });

        await InspectAsync(server).ShouldFailAsync(ImageFailure.Unavailable, "tried 4 times");
    }

    [Fact]
    public async Task A_body_without_length_that_ends_early_or_late_is_not_believed()
    {
        await using var early = new FaultServer(heard => Bent(heard, a => a with { Body = a.Body[..^1], Chunked = true }));
        await using var late = new FaultServer(heard => Bent(heard, a => a with { Body = [.. a.Body, 0], Chunked = true }));

        await InspectAsync(early).ShouldFailAsync(ImageFailure.Unavailable, "the body ended at");
        await InspectAsync(late).ShouldFailAsync(ImageFailure.Unavailable, "cannot be trusted with ranges");
    }

    public static TheoryData<string> Lies => [.. Lying.Keys];

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task Who_lies_about_a_later_range_is_not_believed(string lie)
    {
        await using var server = new FaultServer(heard => Bent(heard, answer => Lying[lie](heard, answer)));

        await InspectAsync(server).ShouldFailAsync(ImageFailure.Unavailable, server.Url(), "cannot be trusted with ranges", "try again");

        server.Heard.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Who_lies_about_the_first_range_is_not_believed()
    {
        foreach (var said in new[] { "bytes 1-131072/1000000", "bytes 0-131070/1000000", "bytes 0-131071/*", "bytes 0-131071/131071", "pages 0-131071/1000000" })
        {
            await using var server = new FaultServer(_ => new Answer(206, new byte[128 * 1024], ("Content-Range", said)));
            await InspectAsync(server).ShouldFailAsync(ImageFailure.Unavailable, "cannot be trusted with ranges");
        }
    }

    [Fact]
    public async Task A_small_image_needs_no_ranges()
    {
        var disk = Samples.Raw(700_000);
        await using var server = new FaultServer(_ => new Answer(200, disk));
        await using var chunked = new FaultServer(_ => new Answer(200, disk) { Chunked = true });

        (await InspectAsync(server)).FileSize.ShouldBe(disk.Length);
        (await InspectAsync(chunked)).FileSize.ShouldBe(disk.Length);

        server.Heard.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_large_one_without_ranges_is_said_to_be_so_unless_it_is_no_image_at_all(bool chunked)
    {
        await using var server = new FaultServer(_ => new Answer(200, Image) { Chunked = chunked });
        var page = new byte[10_000_000];
        page.AsSpan().Fill((byte)' ');
        "<!doctype html><html>"u8.CopyTo(page);
        await using var login = new FaultServer(_ => new Answer(200, page) { Chunked = chunked });

        await InspectAsync(server).ShouldFailAsync(ImageFailure.Unavailable, server.Url(), "has no ranges", "fetch it and inspect the file");
        await InspectAsync(login).ShouldFailAsync(ImageFailure.Refused, "a web page (HTML)");
    }

    [Fact]
    public async Task A_missing_image_and_a_packed_one_are_told()
    {
        await using var missing = new FaultServer(_ => Answer.Text(404, ""));
        await using var packed = new FaultServer(heard => Bent(heard, a => a with { Headers = [.. a.Headers, ("Content-Encoding", "gzip")] }));

        await InspectAsync(missing).ShouldFailAsync(ImageFailure.Unavailable, "404", "check the address");
        await InspectAsync(packed).ShouldFailAsync(ImageFailure.Refused, "gzip", "although told not to");
    }

    [Fact]
    public async Task A_long_read_takes_ever_longer_ranges_and_has_an_end()
    {
        var content = Samples.Raw(80 << 20);
        await using var server = new FaultServer(heard => Answer.File(heard, content));
        var source = HttpSource.Parse(server.Url(), Quick.Loopback);
        using var client = source.Client(Quick.Timings);
        await using var stream = new HttpRangeStream(await HttpRanges.OpenAsync(source, client, TimeProvider.System, Quick.Timings, default), CancellationToken.None);
        var read = new byte[60 << 20];

        stream.ReadExactly(read);
        read.AsSpan().SequenceEqual(content.AsSpan(0, read.Length)).ShouldBeTrue();
        server.Heard.Count.ShouldBeLessThan(80);
        Should.Throw<ImageException>(() => stream.ReadExactly(read.AsSpan(0, 10 << 20))).Message.ShouldContain("would have to be read");
    }

    private static readonly Dictionary<string, Func<Heard, Answer, Answer>> Lying = new()
    {
        ["the whole"] = (_, _) => new Answer(200, Image, ("ETag", "\"v1\"")),
        ["another version"] = (_, _) => new Answer(200, Image, ("ETag", "\"v2\"")),
        ["another tag"] = (_, answer) => With(answer, ("ETag", "\"v2\"")),
        ["another place"] = (heard, answer) => With(answer, ("Content-Range", $"bytes {heard.From + 1}-{heard.From + answer.Body.Length}/{Image.Length}")),
        ["another length"] = (heard, answer) => With(answer, ("Content-Range", $"bytes {heard.From}-{heard.From + answer.Body.Length - 1}/{Image.Length + 1}")),
        ["less of it"] = (heard, answer) => With(answer with { Body = answer.Body[..100], Length = 100 }, ("Content-Range", $"bytes {heard.From}-{heard.From + 99}/{Image.Length}")),
        ["a shorter body"] = (_, answer) => answer with { Body = answer.Body[..100], Length = 100 },
        ["no range"] = (_, answer) => answer with { Headers = [] },
        ["nothing there"] = (_, _) => new Answer(416, [], ("Content-Range", "bytes */7")),
    };

    /// <summary>Honest in the first range.</summary>
    private static Answer Bent(Heard heard, Func<Answer, Answer> bend) => heard.From > 0 ? bend(Answer.File(heard, Image)) : Answer.File(heard, Image);

    private static Answer With(Answer answer, (string Name, string Value) header) =>
        answer with { Headers = [.. answer.Headers.Where(h => h.Name != header.Name), header] };

    private static Task<ImageInfo> InspectAsync(FaultServer server, Func<RemoteImage, RemoteImage>? change = null)
    {
        var image = new RemoteImage { Source = server.Url(), Access = Quick.Loopback };
        return (change?.Invoke(image) ?? image).InspectAsync(TimeProvider.System, Quick.Timings, CancellationToken.None);
    }
}
