using KvmAgent.Kubernetes.Tests.Support;
using KvmAgent.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Kubernetes.Tests.Leases;

public sealed class LeaderElectionTests : IAsyncLifetime, IDisposable
{
    private readonly ManualTime _time = new();
    private readonly LeaseServer _lease = new();
    private readonly List<string> _seen = [];
    private readonly List<Candidate> _candidates = [];
    private readonly CancellationTokenSource _stop = new();
    private ScriptedServer _server = null!;

    private sealed record Candidate(KubernetesClient Client, LeaderElection Election, Task Run, CancellationTokenSource Stop);

    /// <summary>The same clock, read by a node whose watch is wrong.</summary>
    private sealed class SkewedTime(ManualTime time, TimeSpan by) : TimeProvider
    {
        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + by;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            time.CreateTimer(callback, state, dueTime, period);
    }

    public async Task InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _server.Answer = _lease.AnswerAsync;
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        _lease.Silent = null;
        foreach (var candidate in _candidates)
        {
            await candidate.Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            candidate.Client.Dispose();
            candidate.Stop.Dispose();
        }

        await _server.DisposeAsync();
    }

    public void Dispose() => _stop.Dispose();

    private Candidate Start(string name, TimeSpan skew = default, Func<CancellationToken, Task>? lead = null)
    {
        var client = new KubernetesClient(KubernetesConnection.To(_server.Address, name), TimeProvider.System);
        var options = new LeaderElectionOptions { Namespace = "a", Name = "l", Identity = name };
        var election = new LeaderElection(client, options, new SkewedTime(_time, skew), NullLogger.Instance);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var run = election.RunAsync(async ct =>
        {
            Say($"{name} leads");
            try
            {
                await (lead?.Invoke(ct) ?? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct));
            }
            finally
            {
                Say($"{name} ends");
            }
        }, stop.Token);
        var candidate = new Candidate(client, election, run, stop);
        _candidates.Add(candidate);
        return candidate;
    }

    private void Say(string what)
    {
        lock (_seen)
        {
            _seen.Add(what);
        }
    }

    private string[] Seen()
    {
        lock (_seen)
        {
            return [.. _seen];
        }
    }

    private async Task PassAsync(double seconds)
    {
        var until = _time.GetUtcNow().AddSeconds(seconds);
        await Wait.UntilAsync(_time, () => _time.GetUtcNow() >= until);
    }

    private async Task<double> TakesAsync(int count)
    {
        var from = _time.GetUtcNow();
        await Wait.UntilAsync(_time, () => Seen().Length >= count);
        return (_time.GetUtcNow() - from).TotalSeconds;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3600)]
    [InlineData(-3600)]
    public async Task One_of_two_leads_as_long_as_it_renews_whatever_their_watches_say(int skew)
    {
        var a = Start("a");
        await TakesAsync(1);
        var b = Start("b", TimeSpan.FromSeconds(skew));
        await PassAsync(18);
        Seen().ShouldBe(["a leads"]);
        (a.Election.IsLeader, b.Election.IsLeader).ShouldBe((true, false));
        b.Election.Leader.ShouldBe("a");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_leader_that_loses_its_server_ends_before_another_begins(bool silent)
    {
        var a = Start("a");
        await TakesAsync(1);
        var b = Start("b");
        await PassAsync(3);
        (_lease.Silent, _lease.Broken) = silent ? ("a", null) : ((string?)null, "a");
        (await TakesAsync(2)).ShouldBeLessThan(11);
        a.Election.IsLeader.ShouldBeFalse();
        (await TakesAsync(3)).ShouldBeInRange(2, 10);
        Seen().ShouldBe(["a leads", "a ends", "b leads"]);

        // Back again it competes, and lets the other lead.
        (_lease.Silent, _lease.Broken) = (null, null);
        await PassAsync(5);
        Seen().Length.ShouldBe(3);
        b.Election.IsLeader.ShouldBeTrue();
        _lease.Lease!["spec"]!["leaseTransitions"]!.GetValue<int>().ShouldBe(1);
    }

    [Fact]
    public async Task A_leader_that_stops_lets_go_once_its_work_has_ended()
    {
        var winding = new TaskCompletionSource();
        var a = Start("a", lead: async ct =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await winding.Task;
        });
        await TakesAsync(1);
        _lease.Write(static lease => lease["spec"]!["strategy"] = "kept");
        var b = Start("b");
        await a.Stop.CancelAsync();
        await PassAsync(18);
        Seen().ShouldBe(["a leads"]);
        winding.SetResult();
        await a.Run;
        _lease.Lease!["spec"]!["holderIdentity"]!.GetValue<string>().ShouldBe("");
        (await TakesAsync(3)).ShouldBeLessThan(5);
        Seen().ShouldBe(["a leads", "a ends", "b leads"]);
        var spec = _lease.Lease!["spec"]!;
        spec["strategy"]!.GetValue<string>().ShouldBe("kept");
        spec["renewTime"]!.GetValue<string>().ShouldMatch(@"^1970-01-01T00:00:\d\d\.\d{6}Z$");
        b.Election.IsLeader.ShouldBeTrue();
    }

    [Fact]
    public async Task A_lease_that_another_took_ends_the_leader_at_once()
    {
        Start("a");
        await TakesAsync(1);
        _lease.Write(static lease => lease["spec"]!["holderIdentity"] = "thief");
        (await TakesAsync(2)).ShouldBeLessThan(5);
        _lease.Lease!["spec"]!["holderIdentity"]!.GetValue<string>().ShouldBe("thief");
    }

    [Fact]
    public async Task Work_that_fails_lets_go_and_is_heard_of()
    {
        var a = Start("a", lead: static _ => throw new InvalidOperationException("broken"));
        (await Should.ThrowAsync<InvalidOperationException>(() => a.Run)).Message.ShouldBe("broken");
        _lease.Lease!["spec"]!["holderIdentity"]!.GetValue<string>().ShouldBe("");
    }

    [Fact]
    public async Task Work_that_ends_by_itself_may_lead_again()
    {
        Start("a", lead: static _ => Task.CompletedTask);
        await TakesAsync(4);
        Seen().ShouldBe(["a leads", "a ends", "a leads", "a ends"]);
    }

    [Fact]
    public void Periods_that_make_no_sense_are_refused()
    {
        using var client = _server.Client();
        var options = new LeaderElectionOptions { Namespace = "a", Name = "l", Identity = "x", LeaseDuration = TimeSpan.FromSeconds(10) };
        Should.Throw<ArgumentException>(() => new LeaderElection(client, options, _time, NullLogger.Instance));
    }
}
