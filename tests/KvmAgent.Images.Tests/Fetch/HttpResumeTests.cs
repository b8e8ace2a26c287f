using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

public sealed class HttpResumeTests : HttpScenario
{
    private static readonly byte[] OtherDisk = Samples.Raw(1_500_000, seed: 2);

    [Fact]
    public async Task A_broken_connection_is_resumed_where_it_broke()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with
        {
            CutAfter = heard.Number <= 3 ? 400_000 : null,
            Reset = heard.Number == 2,
        });

        await FetchedAsync(server, Disk);

        // After a reset some of what was sent may be lost on the way.
        server.Heard.Count.ShouldBe(4);
        server.Heard[1].From.ShouldBe(400_000);
        server.Heard[2].From!.Value.ShouldBeInRange(400_000, 800_000);
        server.Heard[3].From!.Value.ShouldBe(server.Heard[2].From!.Value + 400_000);
    }

    [Fact]
    public async Task The_answer_to_a_resumed_fetch_is_only_the_rest()
    {
        await using var server = new FaultServer(heard => heard.Number == 1
            ? new Answer(200, Disk, ("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"), ("Date", "Wed, 21 Oct 2015 07:30:00 GMT")) { CutAfter = 700_000 }
            : Answer.File(heard, Disk, tag: "Wed, 21 Oct 2015 07:28:00 GMT") with { Headers = [("Content-Range", $"bytes 700000-{Disk.Length - 1}/{Disk.Length}")] });

        await FetchedAsync(server, Disk);

        server.Heard[1].Headers["If-Range"].ShouldBe("Wed, 21 Oct 2015 07:28:00 GMT");
    }

    [Theory]
    [InlineData("ETag", "W/\"weak\"")]
    [InlineData("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")]
    [InlineData("X-None", "at all")]
    public async Task Without_a_strong_validator_the_fetch_starts_over(string name, string value)
    {
        // The modification date is as good as none while the server's clock has not passed it.
        await using var server = new FaultServer(heard => new Answer(200, Disk, (name, value), ("Date", "Wed, 21 Oct 2015 07:28:00 GMT"))
        {
            CutAfter = heard.Number == 1 ? 700_000 : null,
        });

        await FetchedAsync(server, Disk);

        server.Heard.ShouldAllBe(h => h.From == null);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_makes_the_fetch_start_over()
    {
        await using var server = new FaultServer(heard => new Answer(200, Disk, ("ETag", "\"v1\""))
        {
            CutAfter = heard.Number == 1 ? 700_000 : null,
        });

        await FetchedAsync(server, Disk);

        server.Heard.Select(h => h.From).ShouldBe([null, 700_000]);
    }

    [Fact]
    public async Task An_image_that_changes_midway_is_fetched_anew_and_never_mixed()
    {
        await using var server = new FaultServer(heard => heard.Number == 1
            ? Answer.File(heard, Disk) with { CutAfter = 700_000 }
            : Answer.File(heard, OtherDisk, tag: "\"v2\""));

        await FetchedAsync(server, OtherDisk);
    }

    [Fact]
    public async Task A_changed_image_sent_as_if_it_were_the_rest_is_refused()
    {
        await using var server = new FaultServer(heard => heard.From is not { } from
            ? Answer.File(heard, Disk) with { CutAfter = 700_000 }
            : new Answer(206, OtherDisk[(int)from..], ("ETag", "\"v2\""), ("Content-Range", $"bytes {from}-{OtherDisk.Length - 1}/{OtherDisk.Length}")));

        await FailsAsync(server, ImageFailure.Unavailable, "cannot be trusted with ranges");
    }

    [Theory]
    [InlineData("bytes 699999-1499999/1500000")]
    [InlineData("bytes 700000-1499999/1500001")]
    [InlineData("bytes */1500000")]
    [InlineData("blocks 700000-1499999/1500000")]
    public async Task A_shifted_or_nonsensical_range_is_an_error(string range)
    {
        await using var server = new FaultServer(heard => heard.From is not { } from
            ? Answer.File(heard, Disk) with { CutAfter = 700_000 }
            : new Answer(206, Disk[(int)from..], ("ETag", "\"v1\""), ("Content-Range", range)));

        await FailsAsync(server, ImageFailure.Unavailable, "700000", "cannot be trusted with ranges");
    }

    [Fact]
    public async Task A_server_that_sends_the_rest_piece_by_piece_is_asked_until_all_has_come()
    {
        await using var server = new FaultServer(heard => heard.From is not { } from
            ? Answer.File(heard, Disk) with { CutAfter = 700_000 }
            : new Answer(206, Disk[(int)from..Math.Min((int)from + 300_000, Disk.Length)],
                ("Content-Range", $"bytes {from}-{Math.Min(from + 300_000, Disk.Length) - 1}/{Disk.Length}")));

        await FetchedAsync(server, Disk);

        server.Heard.Select(h => h.From).ShouldBe([null, 700_000, 1_000_000, 1_300_000]);
    }

    [Fact]
    public async Task A_body_that_always_ends_early_is_given_up_after_some_tries()
    {
        await using var server = new FaultServer(_ => new Answer(200, Disk) { CutAfter = 700_000 });

        await FailsAsync(server, ImageFailure.Unavailable, "tried 4 times", "700000 bytes had come");

        // The first try got somewhere, the other four got no farther.
        server.Heard.Count.ShouldBe(Quick.Timings.Tries);
    }

    [Fact]
    public async Task Progress_gives_new_patience()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { CutAfter = 100_000 });

        await FetchedAsync(server, Disk);

        server.Heard.Count.ShouldBe(15);
    }

    [Fact]
    public async Task A_chunked_body_comes_whole_and_a_broken_one_is_resumed()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with
        {
            Chunked = true,
            CutAfter = heard.Number == 1 ? 700_000 : null,
        });

        await FetchedAsync(server, Disk);
    }

    [Fact]
    public async Task When_only_the_end_of_the_body_was_lost_nothing_is_fetched_again()
    {
        await using var server = new FaultServer(heard => heard.From is null
            ? Answer.File(heard, Disk) with { Chunked = true, CutAfter = Disk.Length }
            : new Answer(416, [], ("Content-Range", $"bytes */{Disk.Length}")));

        await FetchedAsync(server, Disk);

        server.Heard.Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_image_that_has_become_shorter_is_fetched_anew()
    {
        var shorter = Samples.Raw(600_000);
        await using var server = new FaultServer(heard => heard.Number switch
        {
            1 => Answer.File(heard, Disk) with { CutAfter = 700_000 },
            2 => new Answer(416, [], ("Content-Range", $"bytes */{shorter.Length}")),
            _ => Answer.File(heard, shorter, "\"v2\""),
        });

        await FetchedAsync(server, shorter);
    }

    [Fact]
    public async Task More_bytes_than_announced_are_an_error()
    {
        await using var server = new FaultServer(heard => heard.From is not { } from
            ? Answer.File(heard, Disk) with { CutAfter = 700_000 }
            : new Answer(206, OtherDisk, ("Content-Range", $"bytes {from}-{Disk.Length - 1}/{Disk.Length}")) { Chunked = true });

        await FailsAsync(server, ImageFailure.Unavailable, "announced 1500000 bytes and sends more");
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_left_and_resumed()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with
        {
            CutAfter = heard.Number == 1 ? 700_000 : null,
            Silent = heard.Number == 1,
        });
        var reports = new Reports();

        await FetchedAsync(server, Disk, reports, Quick.Timings with { Stall = TimeSpan.FromSeconds(1) });

        server.Heard[1].From.ShouldBe(700_000);
        reports.All.ShouldContain(r => r.Detail != null && r.Detail.Contains("sent nothing for 1 s; trying again"));
    }

    [Fact]
    public async Task A_slow_drip_is_no_stall()
    {
        var disk = Samples.Raw(20_000);
        var timings = Quick.Timings with { Stall = TimeSpan.FromSeconds(3) };
        await using var server = new FaultServer(heard => Answer.File(heard, disk) with { Piece = 1_000, Pause = timings.Stall / 15 });

        await FetchedAsync(server, disk, timings: timings);

        server.Heard.Count.ShouldBe(1);
    }
}
