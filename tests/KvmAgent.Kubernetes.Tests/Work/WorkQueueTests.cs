using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;

namespace KvmAgent.Kubernetes.Tests.Work;

public sealed class WorkQueueTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_key_is_there_once_and_comes_again_when_added_while_worked_on()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<string>(_time);
        var go = new SemaphoreSlim(0);
        var begun = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            queue.Add("a");
        }

        var run = queue.RunAsync(4, async (key, ct) =>
        {
            lock (begun)
            {
                begun.Add(key);
            }

            await go.WaitAsync(ct);
        }, stop.Token);
        await Wait.UntilAsync(() => Count(begun) == 1);
        queue.Add("a");
        queue.Add("a");
        queue.Add("b");
        await Wait.UntilAsync(() => Count(begun) == 2);
        begun.ShouldBe(["a", "b"]);
        go.Release(2);
        await Wait.UntilAsync(() => Count(begun) == 3);
        go.Release(10);
        queue.Add("c");
        await Wait.UntilAsync(() => Count(begun) == 4);
        begun.ShouldBe(["a", "b", "a", "c"]);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_key_is_never_worked_on_by_two_at_once_and_its_last_word_is_heard()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<int>(TimeProvider.System);
        var (working, said, heard, twice) = (new int[4], new int[4], new int[4], 0);
        var run = queue.RunAsync(8, async (key, ct) =>
        {
            var word = Volatile.Read(ref said[key]);
            if (Interlocked.Increment(ref working[key]) > 1)
            {
                Interlocked.Increment(ref twice);
            }

            await Task.Yield();
            Interlocked.Decrement(ref working[key]);
            Volatile.Write(ref heard[key], word);
        }, stop.Token);
        for (var i = 1; i <= 20_000; i++)
        {
            Volatile.Write(ref said[i % 4], i);
            queue.Add(i % 4);
        }

        await Wait.UntilAsync(() => Enumerable.Range(0, 4).All(key => Volatile.Read(ref heard[key]) == said[key]));
        await stop.CancelAsync();
        await run;
        twice.ShouldBe(0);
    }

    [Fact]
    public async Task Urgent_keys_come_first_and_the_others_are_not_forgotten()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<string>(_time);
        var worked = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            queue.Add($"o{i}");
            queue.Add($"u{i}", urgent: true);
        }

        // One that waits already becomes urgent, and is worked on once; one that is urgent stays so.
        queue.Add("o19", urgent: true);
        queue.Add("u19");
        var run = queue.RunAsync(1, (key, _) =>
        {
            worked.Add(key);
            return Task.CompletedTask;
        }, stop.Token);
        await Wait.UntilAsync(() => Count(worked) == 40);
        worked.ShouldBe(
        [
            .. Enumerable.Range(0, 7).Select(static i => $"u{i}"), "o0", .. Enumerable.Range(7, 7).Select(static i => $"u{i}"), "o1",
            .. Enumerable.Range(14, 6).Select(static i => $"u{i}"), "o19", .. Enumerable.Range(2, 17).Select(static i => $"o{i}"),
        ]);
        queue.Add("o19");
        await Wait.UntilAsync(() => Count(worked) == 41);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task What_fails_is_reported_and_comes_again_later_and_later_until_it_goes_well()
    {
        using var stop = new CancellationTokenSource();
        var reported = new List<string>();
        var at = new List<double>();
        var queue = new WorkQueue<string>(_time, new WorkQueueOptions { FirstDelay = TimeSpan.FromSeconds(1), MostDelay = TimeSpan.FromSeconds(4) },
            (key, e) => reported.Add($"{key}: {e.Message}"));
        var run = queue.RunAsync(1, (_, _) =>
        {
            at.Add(_time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
            return at.Count < 6 ? throw new InvalidOperationException("no") : Task.CompletedTask;
        }, stop.Token);
        queue.Add("a");
        for (var i = 1; i < 6; i++)
        {
            await Wait.UntilAsync(() => queue.Failures("a") == i);
            _time.Advance(TimeSpan.FromSeconds(Math.Min(1 << (i - 1), 4) - 0.001));
            at.Count.ShouldBe(i);
            _time.Advance(TimeSpan.FromSeconds(0.001));
        }

        await Wait.UntilAsync(() => at.Count == 6 && queue.Failures("a") == 0);
        at.ShouldBe([0, 1, 3, 7, 11, 15]);
        reported.Count.ShouldBe(5);
        reported[0].ShouldBe("a: no");
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task All_failures_together_come_again_at_a_rate()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<int>(_time, new WorkQueueOptions { RatePerSecond = 10, Burst = 5 });
        var worked = 0;
        for (var key = 0; key < 25; key++)
        {
            queue.AddRateLimited(key);
        }

        var run = queue.RunAsync(1, (_, _) => Task.FromResult(Interlocked.Increment(ref worked)), stop.Token);
        _time.Advance(TimeSpan.FromMilliseconds(10));
        await Wait.UntilAsync(() => worked == 5);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Wait.UntilAsync(() => worked == 15);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Wait.UntilAsync(() => worked == 25);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Of_two_appointments_the_earlier_counts_and_no_time_at_all_is_now()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<string>(_time);
        var worked = 0;
        var run = queue.RunAsync(1, (_, _) => Task.FromResult(Interlocked.Increment(ref worked)), stop.Token);
        queue.AddAfter("a", TimeSpan.FromSeconds(10));
        queue.AddAfter("a", TimeSpan.FromSeconds(5));
        queue.AddAfter("a", TimeSpan.FromSeconds(20));
        _time.Advance(TimeSpan.FromSeconds(4.9));
        queue.AddAfter("b", TimeSpan.Zero);
        await Wait.UntilAsync(() => worked == 1);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await Wait.UntilAsync(() => worked == 2);
        _time.Advance(TimeSpan.FromSeconds(60));
        queue.Add("c");
        await Wait.UntilAsync(() => worked >= 3);
        worked.ShouldBe(3);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Running_ends_after_the_work_that_was_begun()
    {
        using var stop = new CancellationTokenSource();
        var queue = new WorkQueue<string>(_time);
        var (begun, end) = (new TaskCompletionSource(), new TaskCompletionSource());
        var run = queue.RunAsync(2, (_, _) =>
        {
            begun.TrySetResult();
            return end.Task;
        }, stop.Token);
        queue.Add("a");
        await begun.Task;
        await stop.CancelAsync();
        queue.Add("b");
        run.IsCompleted.ShouldBeFalse();
        end.SetResult();
        await run;
    }

    private static int Count(List<string> list)
    {
        lock (list)
        {
            return list.Count;
        }
    }
}
