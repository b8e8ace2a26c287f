using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Fetch;

/// <summary>Base images by several ranges at once, and what another process makes of a part that was left.</summary>
public sealed class ParallelFetchTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Piece = 4 * MiB;

    private readonly Scratch _scratch = new();
    private readonly byte[] _disk = Samples.Raw(30 * MiB + 12_345);
    private readonly Lock _counting = new();
    private string _tag = "\"v1\"";
    private int _now, _most;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Several_ranges_come_at_once_and_each_byte_once()
    {
        await using var server = new FaultServer(heard => heard.From is null ? Ranged(heard) : Count(Ranged(heard)));

        await FetchedAsync(server);

        // The server may not have seen yet that an answer was taken.
        _most.ShouldBeInRange(3, 5);
        Sent(server.Heard).ShouldBe(_disk.Length);
        server.Heard.Skip(1).ShouldAllBe(h => h.Headers["If-Range"] == "\"v1\"" && h.To - h.From < Piece);
    }

    [Fact]
    public async Task Ranges_that_break_are_asked_for_again()
    {
        await using var server = new FaultServer(heard =>
            heard.From is not null && heard.Number % 3 == 0 ? Ranged(heard) with { CutAfter = 100_000, Reset = true } : Ranged(heard));
        var reports = new Reports();

        await FetchedAsync(server, reports);

        reports.All.ShouldContain(r => r.Detail != null && r.Detail.Contains("trying again"));
    }

    [Theory]
    [InlineData("another length")]
    [InlineData("another range")]
    [InlineData("the whole")]
    [InlineData("another image")]
    public async Task A_server_that_lies_about_ranges_is_not_believed(string lie)
    {
        await using var server = new FaultServer(heard => heard.From is not { } from ? Ranged(heard) : lie switch
        {
            "another length" => Ranged(heard) with { Headers = [("Content-Range", $"bytes {from}-{heard.To}/{_disk.Length + 1}"), ("ETag", "\"v1\"")] },
            "another range" => Ranged(heard) with { Headers = [("Content-Range", $"bytes {from + 1}-{heard.To + 1}/{_disk.Length}"), ("ETag", "\"v1\"")] },
            "the whole" => new Answer(200, _disk, ("ETag", "\"v2\"")),
            _ => Ranged(heard) with { Headers = [("Content-Range", $"bytes {from}-{heard.To}/{_disk.Length}"), ("ETag", "\"v2\"")] },
        });

        await Quick.EnsureAsync(Request(server)).ShouldFailAsync(ImageFailure.Unavailable, "cannot be trusted with ranges");

        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_came_before_the_server_went_away_is_not_fetched_again()
    {
        await using var server = await BrokenAsync();
        _scratch.Names.Select(Kind).Order().ShouldBe(["journal", "part"]);
        var (asked, reports) = (server.Heard.Count, new Reports());

        await FetchedAsync(server, reports);

        server.Heard.Skip(asked + 1).Min(h => h.From).ShouldBe(20 * MiB);
        reports.All.ShouldContain(r => r.Detail == $"going on at byte {20 * MiB}");
    }

    [Fact]
    public async Task Of_a_part_that_is_complete_nothing_is_asked_for()
    {
        await using var server = new FaultServer(Ranged);
        var part = Path.Combine(_scratch.Volume, $".base.{Guid.NewGuid():n}.part");
        File.WriteAllBytes(part, _disk);
        new PartJournal(server.Url(), _tag, _disk.Length, _disk.Length).Write(Path.ChangeExtension(part, "journal"));

        await FetchedAsync(server);

        server.Heard.ShouldHaveSingleItem().From.ShouldBeNull();
    }

    [Theory]
    [InlineData("the image changed")]
    [InlineData("the journal is none")]
    [InlineData("the part is shorter than its journal says")]
    [InlineData("there is no part")]
    public async Task It_begins_anew_where(string what)
    {
        await using var server = await BrokenAsync();
        var (journal, part) = (Left("journal"), Left("part"));
        switch (what)
        {
            case "the image changed":
                Random.Shared.NextBytes(_disk.AsSpan(MiB, MiB));
                _tag = "\"v2\"";
                break;
            case "the journal is none":
                File.WriteAllText(journal, "{\"Received\":");
                break;
            case "there is no part":
                File.Delete(part);
                break;
            default:
                using (var file = File.OpenWrite(part))
                    file.SetLength(MiB);
                break;
        }

        var asked = server.Heard.Count;
        await FetchedAsync(server);

        Sent(server.Heard.Skip(asked)).ShouldBe(_disk.Length);
    }

    [Fact]
    public async Task A_killed_process_is_followed_by_one_that_goes_on()
    {
        var disk = Samples.Raw(100 * MiB);
        var hold = new TaskCompletionSource();
        await using var server = new FaultServer(heard => Answer.File(heard, disk) is var answer && heard.From is >= 88 * MiB && !hold.Task.IsCompleted
            ? answer with { Body = [], Hold = hold.Task, Headers = Ranges(answer) } : answer with { Headers = Ranges(answer) });
        using (var killed = Programs.Start(null, [.. Programs.Fetcher, server.Url(), _scratch.Volume]))
        {
            await Until.TrueAsync(() => _scratch.Names.Any(name => Kind(name) == "journal"));
            killed.Kill();
            await killed.WaitForExitAsync();
        }
        hold.SetResult();
        var asked = server.Heard.Count;

        var image = await Quick.EnsureAsync(_scratch.Request(server.Url()), timings: Quick.Timings with { StaleAfter = TimeSpan.FromMilliseconds(500) });

        image.Digest.ShouldBe(Samples.Sha256(disk));
        server.Heard.Skip(asked + 1).Min(h => h.From).ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(64 * MiB);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    private BaseImageRequest Request(FaultServer server) => _scratch.Request(server.Url()) with { Access = Quick.Loopback with { Connections = 4 } };

    /// <summary>A server that gave the first 17 MiB, then failed until the fetch gave up, and is well again.</summary>
    private async Task<FaultServer> BrokenAsync()
    {
        var isBroken = true;
        var server = new FaultServer(heard => isBroken && heard.From is > 17 * MiB ? Answer.Text(503, "no") : Ranged(heard));
        await Quick.EnsureAsync(Request(server)).ShouldFailAsync(ImageFailure.Unavailable, "503");
        isBroken = false;
        return server;
    }

    private async Task FetchedAsync(FaultServer server, Reports? reports = null)
    {
        var image = await Quick.EnsureAsync(Request(server), reports);
        File.ReadAllBytes(image.Path).AsSpan().SequenceEqual(_disk).ShouldBeTrue();
        image.Digest.ShouldBe(Samples.Sha256(_disk));
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    /// <summary>Of the first answer only its beginning goes out: who wants ranges hangs up.</summary>
    private Answer Ranged(Heard heard)
    {
        var answer = Answer.File(heard, _disk, _tag);
        answer = answer with { Headers = Ranges(answer) };
        return heard.From is null ? answer with { Body = _disk[..1000], Length = _disk.Length, Silent = true } : answer;
    }

    private static (string, string)[] Ranges(Answer answer) => [.. answer.Headers, ("Accept-Ranges", "bytes")];

    private Answer Count(Answer answer)
    {
        InterlockedMax(Interlocked.Increment(ref _now));
        return answer with { Pause = TimeSpan.FromMilliseconds(1), Ended = () => Interlocked.Decrement(ref _now) };

        void InterlockedMax(int now)
        {
            lock (_counting)
                _most = Math.Max(_most, now);
        }
    }

    private static long Sent(IEnumerable<Heard> heard) => heard.Where(h => h.From is not null).Sum(h => h.To!.Value - h.From!.Value + 1);

    private string Left(string kind) => Path.Combine(_scratch.Volume, _scratch.Names.Single(name => Kind(name) == kind));

    private static string Kind(string name) => name.Split('.')[^1];
}
