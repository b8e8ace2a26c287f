using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

public sealed class RedirectTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(1_000_000);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_followed_and_may_be_relative(int status)
    {
        await using var server = new FaultServer(heard => heard.Target == "/disk.img" ? Answer.Redirect("mirror/x.img?a=b#top", status) : Answer.File(heard, Disk));

        (await Quick.EnsureAsync(_scratch.Request(server.Url()))).Digest.ShouldBe(Samples.Sha256(Disk));

        server.Heard.Select(h => h.Target).ShouldBe(["/disk.img", "/mirror/x.img?a=b"]);
    }

    [Fact]
    public async Task A_broken_connection_is_resumed_at_the_mirror_it_came_from()
    {
        await using var server = new FaultServer(heard => heard.Target == "/disk.img"
            ? Answer.Redirect($"/mirror-{heard.Number}") : Answer.File(heard, Disk) with { CutAfter = heard.From is null ? 400_000 : null });

        await Quick.EnsureAsync(_scratch.Request(server.Url()));

        server.Heard.Select(h => h.Target).ShouldBe(["/disk.img", "/mirror-1", "/mirror-1"]);
    }

    [Fact]
    public async Task A_mirror_address_that_has_expired_is_asked_for_anew()
    {
        await using var server = new FaultServer(heard => heard switch
        {
            { Target: "/disk.img" } => Answer.Redirect($"/signed-{heard.Number}"),
            { Target: "/signed-1", From: not null } => Answer.Text(403, "expired"),
            _ => Answer.File(heard, Disk) with { CutAfter = heard.From is null ? 400_000 : null },
        });

        (await Quick.EnsureAsync(_scratch.Request(server.Url()))).Digest.ShouldBe(Samples.Sha256(Disk));

        server.Heard.Select(h => h.Target).ShouldBe(["/disk.img", "/signed-1", "/signed-1", "/disk.img", "/signed-4"]);
        server.Heard[^1].From.ShouldBe(400_000);
    }

    [Fact]
    public async Task A_loop_is_named()
    {
        await using var server = new FaultServer(heard => Answer.Redirect(heard.Target == "/a" ? "/b" : "/a"));

        await FailsAsync(server, "/a", ImageFailure.Unavailable, "loop", server.Url("/a"));

        server.Heard.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Too_many_redirects_are_an_error()
    {
        await using var server = new FaultServer(heard => Answer.Redirect($"/{heard.Number}"));

        await FailsAsync(server, "/start", ImageFailure.Unavailable, "more than 5 times");

        server.Heard.Count.ShouldBe(6);
    }

    [Theory]
    [InlineData("file:///etc/shadow")]
    [InlineData("ftp://127.0.0.1/disk.img")]
    [InlineData("gopher://127.0.0.1/")]
    public async Task A_redirect_to_anything_but_http_is_refused(string to)
    {
        await using var server = new FaultServer(_ => Answer.Redirect(to));

        await FailsAsync(server, "/disk.img", ImageFailure.Refused, "neither http nor https");
    }

    [Fact]
    public async Task A_redirect_without_a_place_is_an_error()
    {
        await using var server = new FaultServer(_ => Answer.Text(302, ""));

        await FailsAsync(server, "/disk.img", ImageFailure.Unavailable, "302", "without saying where to");
    }

    private async Task FailsAsync(FaultServer server, string path, ImageFailure reason, params string[] words)
    {
        await Quick.EnsureAsync(_scratch.Request(server.Url(path))).ShouldFailAsync(reason, words);
        _scratch.Names.ShouldBeEmpty();
    }
}
