using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

public sealed class HttpFailureTests : HttpScenario
{
    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task A_server_in_trouble_is_asked_again(int status)
    {
        await using var server = new FaultServer(heard => heard.Number <= 2 ? Answer.Text(status, "later") : Answer.File(heard, Disk));

        await FetchedAsync(server, Disk);
    }

    [Theory]
    [InlineData(404, "check the address")]
    [InlineData(403, "headers file")]
    [InlineData(407, "http_proxy")]
    [InlineData(400, "200")]
    [InlineData(204, "200")]
    [InlineData(206, "200")]
    public async Task A_refusal_by_the_server_is_final_at_once(int status, string remedy)
    {
        await using var server = new FaultServer(_ => Answer.Text(status, ""));

        await FailsAsync(server, ImageFailure.Unavailable, server.Url(), $"{status}", remedy);

        server.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_web_page_is_refused_before_the_rest_of_it_has_come()
    {
        var page = new byte[10_000_000];
        page.AsSpan().Fill((byte)' ');
        "<!doctype html><html>"u8.CopyTo(page);
        await using var server = new FaultServer(_ => new Answer(200, page) { CutAfter = 300_000, Silent = true });

        await FailsAsync(server, ImageFailure.Refused, server.Url(), "a web page (HTML)", "check the address");

        server.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_packed_transfer_nobody_asked_for_is_refused()
    {
        await using var server = new FaultServer(_ => new Answer(200, Disk, ("Content-Encoding", "br")));

        await FailsAsync(server, ImageFailure.Refused, "br", "although told not to");
    }

    [Fact]
    public async Task What_is_not_http_is_said_to_be_so()
    {
        await using var server = new FaultServer(_ => new Answer(200, Disk) { Garble = true });

        await FailsAsync(server, ImageFailure.Unavailable, "does not answer in HTTP", "check scheme and port");
    }

    [Fact]
    public async Task A_refused_connection_is_told_soon()
    {
        int port;
        await using (var server = new FaultServer(heard => Answer.File(heard, Disk)))
            port = server.Port;
        var start = TimeProvider.System.GetTimestamp();

        await new BaseImageStore().EnsureAsync(Scratch.Request($"http://127.0.0.1:{port}/disk.img"), null, default)
            .ShouldFailAsync(ImageFailure.Unavailable, $"127.0.0.1:{port}", "Connection refused");

        TimeProvider.System.GetElapsedTime(start).ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(12));
        Scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Cancelling_leaves_nothing_behind()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { CutAfter = 700_000, Silent = true });
        using var cancel = new CancellationTokenSource();

        var fetch = new BaseImageStore().EnsureAsync(Scratch.Request(server.Url()), null, cancel.Token);
        await Until.TrueAsync(() => Scratch.Names.Any(n => n.EndsWith(".part", StringComparison.Ordinal)));
        Scratch.Names.ShouldContain(".base.claim");
        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(fetch);
        Scratch.Names.ShouldBeEmpty();
    }
}
