using KvmAgent.Coordinator.Certificates;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport;

namespace KvmAgent.Coordinator.Tests.Certificates;

public sealed class RegularlyTests
{
    [Fact]
    public async Task AFailureIsToldOnceAndAgainWhenItIsAnotherOrComesBack()
    {
        var time = new ManualTime();
        using var stop = new CancellationTokenSource();
        string?[] outcomes = ["away", "away", "refused", "refused", null, "refused"];
        var (looks, told) = (0, new List<string>());
        var run = Regularly.LookAsync(
            _ => outcomes[Math.Min(looks++, outcomes.Length - 1)] is { } why ? throw new HttpRequestException(why) : Task.CompletedTask,
            told.Add, TimeSpan.Zero, TimeSpan.FromSeconds(5), time, stop.Token);

        await Until.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(5));
            return Volatile.Read(ref looks) > outcomes.Length;
        });

        told.ShouldBe(["away", "refused", "refused"]);
        await stop.CancelAsync();
        await run;
    }
}
