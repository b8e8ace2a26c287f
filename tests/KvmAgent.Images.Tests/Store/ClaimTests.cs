using KvmAgent.Images.Store;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Store;

public sealed class ClaimTests : IDisposable
{
    private static readonly byte[] Disk = Samples.Raw(600_000);
    private static readonly StoreTimings Timings = new();

    private readonly Scratch _scratch = new();
    private readonly ManualTime _time = new();
    private readonly StorePlace _place;

    public ClaimTests() => _place = new StorePlace(_scratch.Request(null));

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Only_one_can_have_a_claim_until_it_is_given_back()
    {
        var first = Take();
        first.ShouldNotBeNull();
        Take().ShouldBeNull();

        await first.DisposeAsync();

        _scratch.Names.ShouldBeEmpty();
        await using var second = Take();
        second.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_holder_shows_that_it_lives_and_how_far_it_is()
    {
        var meter = Meter();
        await using var claim = Claim.TryTake(_place, meter, _time, Timings);
        meter.Begin(FetchPhase.Fetching, 12, 34);
        var before = Claim.Read(_place.Claim);

        _time.Advance(Timings.Beat);
        await Until.TrueAsync(() => Claim.Read(_place.Claim) != before);

        var state = ClaimState.Parse(Claim.Read(_place.Claim)!)!;
        (state.Id, state.Beat, state.Bytes, state.Total).ShouldBe((claim!.Id, 1, 12, 34));
        _scratch.Names.ShouldBe([".base.claim"]);
    }

    [Fact]
    public async Task A_stalled_claim_is_taken_over_after_its_time_and_not_before()
    {
        File.WriteAllBytes(_place.Claim, new ClaimState(StorePlace.NewId(), "dead-pod:1", 7, 100, 200).ToBytes());
        File.WriteAllText(_place.Temporary(StorePlace.NewId(), "part"), "half");
        File.WriteAllText(_place.Temporary(StorePlace.NewId(), "claim"), "beat");
        File.WriteAllText(_place.Temporary(StorePlace.NewId(), "json"), "record");
        TimeSpan? takenAt = null;
        var reports = new Reports(r => takenAt ??= r.Phase == FetchPhase.Fetching ? _time.Elapsed : null);

        var store = new BaseImageStore(_time, Timings).EnsureAsync(_scratch.Request(_scratch.File("source", Disk)), reports, default);
        await Until.TrueAsync(() => store.IsCompleted, meanwhile: _time.AdvanceIfAwaited);

        (await store).Fetched.ShouldBeTrue();
        takenAt!.Value.ShouldBeInRange(Timings.StaleAfter, Timings.StaleAfter + TimeSpan.FromSeconds(2));
        _scratch.Names.ShouldBe(["base", "base.json"]);
        var waiting = reports.All.First(r => r.Phase == FetchPhase.Waiting);
        (waiting.Detail, waiting.Bytes, waiting.Total).ShouldBe(("waiting for dead-pod:1", 100, 200));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a claim")]
    [InlineData("{\"id\": 1}")]
    public async Task Nonsense_in_a_claims_place_is_overcome_too(string content)
    {
        File.WriteAllText(_place.Claim, content);
        var store = new BaseImageStore(_time, Timings).EnsureAsync(_scratch.Request(_scratch.File("source", Disk)), null, default);
        await Until.TrueAsync(() => store.IsCompleted, meanwhile: _time.AdvanceIfAwaited);
        (await store).Fetched.ShouldBeTrue();
    }

    [Fact]
    public async Task A_slow_holder_that_lives_is_never_taken_over()
    {
        await using var claim = Take();
        var watch = new ClaimWatch(_place, Meter(), _time, Timings);
        var beat = 0L;
        for (var look = 0; look < 200; look++)
        {
            var looking = watch.LookAsync(default);
            while (!looking.IsCompleted)
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
                if (look % 10 == 0)
                    await Until.TrueAsync(() => ClaimState.Parse(Claim.Read(_place.Claim)!)!.Beat is var now && (now > beat, beat = now).Item1,
                        meanwhile: () => _time.Advance(TimeSpan.FromMilliseconds(100)));
            }
            await looking;
        }

        _time.Elapsed.ShouldBeGreaterThan(Timings.StaleAfter * 5);
        claim!.Lost.IsCancellationRequested.ShouldBeFalse();
        ClaimState.Parse(Claim.Read(_place.Claim)!)!.Id.ShouldBe(claim.Id);
    }

    [Fact]
    public async Task A_fresh_claim_moved_away_by_mistake_is_put_back()
    {
        // Another found the same claim dead, and has made its own already when we act on what we saw.
        await using var fresh = Take();

        ClaimWatch.TakeAway(_place, "dead");

        ClaimState.Parse(Claim.Read(_place.Claim)!)!.Id.ShouldBe(fresh!.Id);
        _scratch.Names.ShouldBe([".base.claim"]);
    }

    [Fact]
    public async Task Who_was_taken_for_dead_stops_and_uses_what_the_other_brings()
    {
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { CutAfter = 400_000, Silent = true });
        var slow = Quick.EnsureAsync(_scratch.Request(server.Url()));
        await Until.TrueAsync(() => server.Heard.Count == 1 && _scratch.Names.Any(n => n.EndsWith(".part", StringComparison.Ordinal)));

        File.WriteAllText(_place.Claim, "another's");
        await Until.TrueAsync(() => !_scratch.Names.Any(n => n.EndsWith(".part", StringComparison.Ordinal)));
        File.WriteAllBytes(_place.Image, Disk);

        var image = await slow;
        (image.Fetched, image.Digest).ShouldBe((false, Samples.Sha256(Disk)));
        server.Heard.Count.ShouldBe(1);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task An_image_that_appears_while_ours_is_fetched_is_never_replaced()
    {
        var winner = Samples.Raw(600_000, seed: 9);
        var published = new TaskCompletionSource();
        await using var server = new FaultServer(heard => Answer.File(heard, Disk) with { Chunked = true, Hold = published.Task });
        var loser = Quick.EnsureAsync(_scratch.Request(server.Url()));
        await Until.TrueAsync(() => server.Heard.Count == 1);

        File.WriteAllBytes(_place.Image, winner);
        published.SetResult();

        var image = await loser;
        (image.Fetched, image.Digest).ShouldBe((false, Samples.Sha256(winner)));
        File.ReadAllBytes(_place.Image).ShouldBe(winner);
        _scratch.Names.ShouldBe(["base", "base.json"]);
    }

    [Fact]
    public async Task What_a_crash_left_beside_a_published_image_is_cleared_at_the_next_start()
    {
        File.WriteAllBytes(_place.Image, Disk);
        File.WriteAllText(_place.Claim, "dead");
        File.WriteAllText(_place.Temporary(StorePlace.NewId(), "part"), "half");
        string[] others = [".base.part", ".base.0.part", ".other.claim", $".other.{StorePlace.NewId()}.part", $".base.{StorePlace.NewId()}.x.part"];
        foreach (var other in others)
            File.WriteAllText(Path.Combine(_scratch.Volume, other), "not ours");

        await Quick.EnsureAsync(_scratch.Request(null));

        _scratch.Names.ShouldBe(others.Append("base").Append("base.json").Order(StringComparer.Ordinal));
    }

    private Claim? Take() => Claim.TryTake(_place, Meter(), _time, Timings);

    private FetchMeter Meter() => new(null, _time, Timings.Report);
}
