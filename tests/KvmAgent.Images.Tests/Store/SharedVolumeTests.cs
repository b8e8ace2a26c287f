using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

/// <summary>Many who want the same image at once, as threads and as processes.</summary>
public sealed class SharedVolumeTests : IDisposable
{
    private const int Many = 8;
    private static readonly byte[] Disk = Samples.Raw(2_000_000);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Eight_stores_fetch_once()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { Piece = 100_000, Pause = TimeSpan.FromMilliseconds(20) });
        var reports = new Reports();

        var images = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => Task.Run(() => Quick.EnsureAsync(_scratch.Request(server.Url()), reports))));

        images.Count(i => i.Fetched).ShouldBe(1);
        images.Select(i => i.Digest).Distinct().ShouldBe([Samples.Sha256(Disk)]);
        server.Heard.Count.ShouldBe(1);
        reports.All.ShouldContain(r => r.Phase == FetchPhase.Waiting && r.Detail!.Contains(Environment.MachineName));
        reports.All.ShouldNotContain(r => r.Phase == FetchPhase.Hashing, "the record is there before the image is");
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task Eight_processes_fetch_once()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { Piece = 100_000, Pause = TimeSpan.FromMilliseconds(100) });

        var outcomes = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ =>
            Programs.EndAsync(Programs.Start(null, [.. Programs.Fetcher, server.Url(), _scratch.Volume]))));

        outcomes.Select(o => o.Output.Trim()).Order().ShouldBe(
            [$"fetched {Samples.Sha256(Disk)}", .. Enumerable.Repeat($"used {Samples.Sha256(Disk)}", Many - 1)]);
        server.Heard.Count.ShouldBe(1);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task When_there_is_nothing_to_fetch_everyone_hears_so()
    {
        await using var server = new FaultServer(_ => Answer.Text(404, "no"));

        var fetches = Enumerable.Range(0, Many).Select(_ => Task.Run(() => Quick.EnsureAsync(_scratch.Request(server.Url())))).ToList();

        foreach (var fetch in fetches)
            await fetch.ShouldFailAsync(ImageFailure.Unavailable, "404");
        _scratch.Names.ShouldBeEmpty();
    }

    [Fact]
    public async Task Many_who_find_a_dead_claim_together_end_with_one_whole_image()
    {
        File.WriteAllText(Path.Combine(_scratch.Volume, ".base.claim"), "dead");
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        var timings = Quick.Timings with { StaleAfter = TimeSpan.FromSeconds(1) };

        var images = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => Task.Run(() => Quick.EnsureAsync(_scratch.Request(server.Url()), timings: timings))));

        images.Count(i => i.Fetched).ShouldBe(1);
        File.ReadAllBytes(images[0].Path).ShouldBe(Disk);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task A_fetch_killed_anywhere_leaves_no_half_image_and_the_next_one_succeeds()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { Piece = 50_000, Pause = TimeSpan.FromMilliseconds(2) });
        var random = new Random(1);
        var killed = 0;
        var image = Path.Combine(_scratch.Volume, "base");
        for (var round = 0; round < 12; round++)
        {
            var process = Programs.Start(null, [.. Programs.Fetcher, server.Url(), _scratch.Volume]);
            var stop = round % 4;
            await Until.TrueAsync(() => process.HasExited || stop switch
            {
                0 => File.Exists(Path.Combine(_scratch.Volume, ".base.claim")),
                1 => _scratch.Names.Any(n => n.EndsWith(".part", StringComparison.Ordinal) && LengthOf(n) > random.Next(Disk.Length)),
                2 => File.Exists(Path.Combine(_scratch.Volume, "base.json")),
                _ => File.Exists(image),
            });
            process.Kill();
            killed += (await Programs.EndAsync(process)).Code == 0 ? 0 : 1;

            if (File.Exists(image))
                File.ReadAllBytes(image).ShouldBe(Disk);
            await Quick.EnsureAsync(_scratch.Request(server.Url()), timings: Quick.Timings with { StaleAfter = TimeSpan.FromMilliseconds(300) });
            File.ReadAllBytes(image).ShouldBe(Disk);
            _scratch.Names.ShouldBe(["base", "base.json"]);
            foreach (var name in _scratch.Names)
                File.Delete(Path.Combine(_scratch.Volume, name));
        }
        killed.ShouldBeGreaterThan(6);
    }

    [Fact]
    public async Task A_claim_that_vanishes_while_it_is_read_as_on_nfs_is_no_error()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        var place = new StorePlace(_scratch.Request(null));
        var claim = Claim.TryTake(place, new FetchMeter(null, TimeProvider.System, TimeSpan.Zero), TimeProvider.System, new StoreTimings());
        var trace = Path.Combine(_scratch.Root, "trace");

        var waiting = Programs.Start(null, ["strace", "-f", "-qq", "-o", trace, "-P", place.Claim, "-e", "trace=pread64",
            "-e", "inject=pread64:error=ESTALE:when=2+2", .. Programs.Fetcher, server.Url(), _scratch.Volume]);
        await Until.TrueAsync(() => File.Exists(trace) && File.ReadAllText(trace).Split("ESTALE").Length > 2);
        await claim!.DisposeAsync();

        var (code, output) = await Programs.EndAsync(waiting);
        (code, output.Trim()).ShouldBe((0, $"fetched {Samples.Sha256(Disk)}"));
    }

    private long LengthOf(string name) => new FileInfo(Path.Combine(_scratch.Volume, name)) is { Exists: true } file ? file.Length : 0;

    [Theory]
    [InlineData("link", "EPERM")]
    [InlineData("link", "EOPNOTSUPP")]
    [InlineData("link,renameat2", "EINVAL")]
    public async Task Without_hard_links_an_image_is_published_by_renaming(string calls, string error)
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk));
        string[] inject = calls == "link" ? ["-e", $"inject=link:error={error}"] : ["-e", "inject=link:error=EPERM", "-e", $"inject=renameat2:error={error}"];

        var (code, output) = await Programs.EndAsync(Programs.Start(null,
            ["strace", "-f", "-qq", "-o", Path.Combine(_scratch.Root, "trace"), "-e", $"trace={calls}", .. inject, .. Programs.Fetcher, server.Url(), _scratch.Volume]));

        (code, output.Trim()).ShouldBe((0, $"fetched {Samples.Sha256(Disk)}"));
        File.ReadAllText(Path.Combine(_scratch.Root, "trace")).ShouldContain("(INJECTED)");
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }
}
